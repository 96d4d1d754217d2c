/**
 * The most common passwords of leaked lists that have 8 characters or more, in lower case. Shorter ones are refused
 * for their length.
 */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(
  `
  00000000 000000000 0000000000 01234567 012345678 0123456789 01020304 0987654321 11111111 111111111 1111111111
  11223344 1122334455 112233445566 12121212 12312312 123123123 123321123 1234512345 12341234 1234554321 12344321
  12345678 123456789 1234567890 12345678910 123456789a 123456789q 12345678a 1234567a 1234567q 12345abc 12345qwert
  1234abcd 1234qwer 123abc123 123qweasd 123qweasdzxc 13131313 147258369 159357456 159753159 18436572 19841984
  1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc 1qazxsw2 20202020 21212121 22222222 23232323 25252525
  31415926 314159265 33333333 44444444 55555555 66666666 66668888 69696969 77777777 77778888 78787878 789456123
  87654321 88888888 98765432 987654321 9876543210 99999999 999999999 a1234567 a12345678 a123456789 a1b2c3d4
  a1s2d3f4 aa123456 aa12345678 aaaaaaaa abc12345 abc123456 abcd1234 abcdefgh access14 adgjmptw administrator
  admin123 admin1234 admin12345 adminadmin alexander alexandra american angelina arsenal1 asdasd123 asdasdasd
  asdf1234 asdfasdf asdfghjk asdfghjkl asdfjkl; asdfqwer babygirl babygirl1 babylove badgirl1 banana123 baseball
  baseball1 basketball bearbear benjamin bigdaddy blahblah blink182 bluebird brandon1 brooklyn bullshit butterfly
  butterfly1 canada123 caroline carolina cartman1 catherine changeme changeme1 charlie1 charlotte cheesecake
  chelsea1 chevelle chocolate chocolate1 christian christina christine christmas cocacola computer computer1
  cookie123 corvette courtney creative dandelion danielle december default1 diamond1 dinosaur dolphin1 dolphins
  dragon123 dragonball drowssap einstein elephant elizabeth evergreen everton1 facebook fireball firebird flower123
  football football1 forever1 formula1 freedom1 friends1 friendship fuckyou1 fuckyou2 fuckyouu garfield goldfish
  goodluck gangster gateway1 gfhjkmgfhjkm google123 hello123 hellohello hellokitty hello1234 hollywood hunter123
  iloveyou iloveyou1 iloveyou2 iloveyou! iloveyou12 iloveyou123 infinity internet internet1 isabella jackson1
  jasmine1 jennifer jennifer1 jessica1 jonathan jordan23 juventus kawasaki kimberly kingkong lakers24 lasvegas
  letmein1 letmein123 lightning liverpool liverpool1 london123 lovelove loveme123 loveyou1 loverboy macintosh
  madison1 maradona marlboro mercedes metallica michelle michael1 microsoft midnight minecraft monkey12 monkey123
  montana1 mountain mustang1 naruto123 nicholas nicole123 nintendo november november1 oblivion october1 P@ssw0rd
  p@ssword p@ssw0rd1 pa$$word pa55word paradise passw0rd passw0rd1 passpass password password! password0 password01
  password1 password1! password10 password11 password12 password123 password123! password1234 password2 password3
  password99 passwort passwort1 patricia patrick1 penelope pineapple playboy1 pokemon1 pokemon123 porsche911
  portugal princess princess1 princess12 professor q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6 qazwsx123 qazwsxedc qazxsw123
  qqqqqqqq qweasdzxc qweqweqwe qwer1234 qwert123 qwert12345 qwerty12 qwerty123 qwerty1234 qwerty12345 qwerty123456
  qwertyui qwertyuiop qwertyqwerty qwerty00 rainbow1 realmadrid rangers1 remember rockstar rockyou1 rush2112
  samantha samsung1 samsung123 sandiego scorpion scorpio1 september secret123 sebastian serenity shadow12 shadow123
  skywalker slipknot slipknot1 snoopy123 snowball snowboard softball solution something spiderman spiderman1
  spongebob starwars starwars1 stargate steelers stephanie strawberry sunflower sunshine sunshine1 superman superman1
  superstar swordfish temp1234 teddybear tequiero test1234 test12345 testtest testing123 thailand thunder1
  tigger123 tinkerbell trustno1 undertaker universe usuckballz1 valentina valentine vanessa1 veronica victoria
  victory1 voetbal1 volleyball warcraft webmaster welcome1 welcome123 welcome12 whatever whatever1 william1
  windows1 winston1 wolverine xxxxxxxx yankees1 zaq12wsx zaq1zaq1 zaq1xsw2 zxcvbnm1 zxcvbnm123 zxcasdqwe zzzzzzzz
  `
    .trim()
    .toLowerCase()
    .split(/\s+/),
);
