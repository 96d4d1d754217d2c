import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';

/** What tokens are forged from: a key that is trusted, and the claims of a token that is good. */
export interface TokenMaterial {
  kid: string;
  /** P-256. */
  privateKey: KeyObject;
  claims: Record<string, unknown>;
  /** A good refresh token, to be passed off as an access token. */
  refreshToken?: string;
}

export interface Forgery {
  /** A header or claim that is undefined is left out. */
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  signature?: (signed: string) => string;
}

const es256 = (key: KeyObject) => (signed: string) =>
  sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
const hs256 = (secret: string | Buffer) => (signed: string) =>
  createHmac('sha256', secret).update(signed).digest('base64url');

/** A token that is good but for what is said. */
export function forge(material: TokenMaterial, { header = {}, claims = {}, signature }: Forgery = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const goodHeader = { alg: 'ES256', typ: 'at+jwt', kid: material.kid };
  const signed = `${part({ ...goodHeader, ...header })}.${part({ ...material.claims, ...claims })}`;
  return `${signed}.${(signature ?? es256(material.privateKey))(signed)}`;
}

/** Every kind of bad access token, by name. All of them are refused, everywhere; `forge(material)` alone is not. */
export function badTokens(material: TokenMaterial): [what: string, token: string][] {
  const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const foreignJwk = { ...foreign.publicKey.export({ format: 'jwk' }), kid: material.kid };
  const publicKey = createPublicKey(material.privateKey);
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const jwk = JSON.stringify(publicKey.export({ format: 'jwk' }));
  const byForeign = es256(foreign.privateKey);
  const good = forge(material);
  const [goodHeader, goodClaims, goodSignature] = good.split('.');
  const seconds = (ahead: number) => Math.floor(Date.now() / 1000) + ahead;
  const other = JSON.stringify({ ...material.claims, role: 'operator', jti: randomUUID() });
  const make = (forgery: Forgery) => forge(material, forgery);
  const forged: [string, string][] = [
    ['what is no JWT', 'not.a.jwt'],
    ['a token cut short', good.slice(0, -3)],
    ['changed claims', `${goodHeader}.${Buffer.from(other).toString('base64url')}.${goodSignature}`],
    ['no signature', `${goodHeader}.${goodClaims}.`],
    ['alg none', make({ header: { alg: 'none' }, signature: () => '' })],
    ['alg none in another spelling', make({ header: { alg: 'nOnE' }, signature: () => '' })],
    ['alg none with a good signature', make({ header: { alg: 'none' } })],
    ['no alg', make({ header: { alg: undefined } })],
    ['HS256 with the public key in PEM as secret', make({ header: { alg: 'HS256' }, signature: hs256(pem) })],
    ['HS256 with the public key in DER as secret', make({ header: { alg: 'HS256' }, signature: hs256(der) })],
    ['HS256 with the public key as JWK as secret', make({ header: { alg: 'HS256' }, signature: hs256(jwk) })],
    ['HS256 with an empty secret', make({ header: { alg: 'HS256' }, signature: hs256('') })],
    ['ES256 said, HMAC made', make({ signature: hs256(pem) })],
    ['a foreign key under our kid', make({ signature: byForeign })],
    ['a foreign key brought along as jwk', make({ header: { jwk: foreignJwk }, signature: byForeign })],
    ['a foreign key pointed at by jku', make({ header: { kid: 'x', jku: FOREIGN_URL }, signature: byForeign })],
    ['a foreign key pointed at by jku under our kid', make({ header: { jku: FOREIGN_URL }, signature: byForeign })],
    ['a foreign key pointed at by x5u', make({ header: { kid: 'x', x5u: FOREIGN_URL }, signature: byForeign })],
    ['an unknown kid', make({ header: { kid: 'unknown' } })],
    ['a kid that is a path', make({ header: { kid: '../../../../dev/null' } })],
    ['a kid of the prototype', make({ header: { kid: '__proto__' } })],
    ['a kid that is an object', make({ header: { kid: { toString: 'x' } } })],
    ['no kid', make({ header: { kid: undefined } })],
    ['an ID token', make({ header: { typ: 'JWT' } })],
    ['no typ', make({ header: { typ: undefined } })],
    ['a critical extension we do not know', make({ header: { crit: ['exp'] } })],
    ['another audience', make({ claims: { aud: 'another-api' } })],
    ['no audience', make({ claims: { aud: undefined } })],
    ['another issuer', make({ claims: { iss: 'somebody' } })],
    ['no issuer', make({ claims: { iss: undefined } })],
    ['an expired token', make({ claims: { exp: seconds(-1) } })],
    ['no expiry', make({ claims: { exp: undefined } })],
    ['an expiry that is text', make({ claims: { exp: '9999999999' } })],
    ['a token for later', make({ claims: { nbf: seconds(60) } })],
    ['no subject', make({ claims: { sub: undefined } })],
    ['a role that does not exist', make({ claims: { role: 'root' } })],
    ['no role', make({ claims: { role: undefined } })],
    ['no time zone', make({ claims: { zoneinfo: undefined } })],
  ];
  return material.refreshToken === undefined ? forged : [...forged, ['a refresh token', material.refreshToken]];
}

/** Nobody may ever ask here. */
const FOREIGN_URL = 'http://127.0.0.1:9/keys';
