import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { browserTest, closeBrowser, keepScreenshot, openBrowser, visit } from '../src/browser.ts';
import { awaitStatus, calmGateway, logIn, newCustomer, newOperator, newPlan, subscribe, topUp } from '../src/people.ts';
import { expectUnread, signInOnScreen, signUpOnScreen, WEB_PASSWORD } from '../src/web-people.ts';

let stack: TestStack;
let browser: Browser | undefined;
let operator: Awaited<ReturnType<typeof newOperator>>;
let planId: string;

beforeAll(async () => {
  browser = await openBrowser();
  if (!browser) return;
  stack = await startTestStack({ web: true });
  operator = await newOperator(stack);
  await calmGateway(operator);
  planId = (await newPlan(operator)).id;
}, 240_000);

afterAll(async () => {
  await closeBrowser(browser);
  await stack?.stop();
}, 30_000);

/** Somebody with an active subscription and 7.01 left. */
async function subscriber() {
  const person = await newCustomer(stack);
  await topUp(person, 2_000);
  const { body } = await subscribe(person, planId);
  await awaitStatus(person, body.id, 'active');
  return { person, id: body.id };
}

const problem = (page: Page, name: string) => page.getByRole('alert', { name });

browserTest(
  'without a connection a payment fails at once, and is not sent when it is back',
  async () => {
    const person = await newCustomer(stack);
    const allowed = /ERR_INTERNET_DISCONNECTED|WebSocket/;
    const { context, page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl, allowed });
    await signInOnScreen(page, person.email);
    await page.goto('/statement');
    await page.getByText('There are no movements that fit.').waitFor();
    await context.setOffline(true);
    await page.getByLabel('Kind').selectOption('charge');
    await problem(page, 'No connection to Evergreen').waitFor();
    expect(await page.locator('.mantine-Skeleton-root').count()).toBe(0);
    await context.setOffline(false);

    await page.goto('/top-up');
    const send = page.getByRole('button', { name: 'Top up $25.00' });
    await page.getByRole('button', { name: '$25.00' }).click();
    await send.waitFor();
    await context.setOffline(true);
    await send.click();
    await problem(page, 'No connection to Evergreen').waitFor();
    await context.setOffline(false);
    await page.getByRole('link', { name: 'Home' }).first().click();
    await page.getByText('Nothing has moved yet.').waitFor();
    const { data } = await person.api.GET('/v1/wallet/top-ups');
    expect(data?.data).toEqual([]);
    expectNoComplaints();
    await close();
  },
  120_000,
);

browserTest(
  'a double click does a thing once, and nothing fails',
  async () => {
    const { person, id } = await subscriber();
    const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl });
    const sent: string[] = [];
    page.on('request', (request) => {
      const [, action] = /\/v1\/subscriptions\/.*\/(pause|resume)$/.exec(request.url()) ?? [];
      if (action) sent.push(action);
    });
    await signInOnScreen(page, person.email);
    await page.goto(`/subscriptions/${id}`);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).dblclick();
    await page.getByText(/Paused since/).waitFor();
    await page.getByRole('button', { name: 'Resume' }).dblclick();
    await page.getByText(/Renews on/).waitFor();
    expect(sent).toEqual(['pause', 'resume']);
    expect(await page.getByRole('alert').count()).toBe(0);
    expectNoComplaints();
    await close();
  },
  120_000,
);

browserTest(
  'an amount is what was typed or is refused in words, and a removed card turns automatic top-up off',
  async () => {
    const person = await newCustomer(stack);
    await person.api.POST('/v1/wallet/payment-methods', { body: { token: 'pm_card_visa' } });
    const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl });
    await signInOnScreen(page, person.email);
    await page.goto('/top-up?amount=-3&currency=USD');
    const other = page.getByLabel('Another amount');
    await other.waitFor();
    expect(await other.inputValue()).toBe('');
    for (const [typed, words] of [
      ['-3', /does not look like an amount/],
      ['12.345', /does not look like an amount/],
      ['0', /More than zero/],
      ['5000000', /At most \$1,000,000\.00/],
    ] as const) {
      await other.fill(typed);
      await page.getByText(words).waitFor();
      expect(await other.inputValue()).toBe(typed);
    }

    await page.goto('/payment');
    await page.getByRole('switch', { name: 'Top up automatically' }).check();
    const least = page.getByLabel('Top up by at least');
    await least.clear();
    await least.pressSequentially('30');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Automatic top-up is saved').waitFor();
    const query = { currency: 'USD' } as const;
    const { data } = await person.api.GET('/v1/wallet/auto-top-up', { params: { query } });
    expect(data?.data).toMatchObject([{ enabled: true, threshold: 500, amount: 3_000, maxPerDay: 10_000 }]);
    await page.getByRole('button', { name: /^Remove Visa/ }).click();
    await page.getByText('Save a payment method first.').waitFor();
    await page.getByRole('switch', { name: 'Top up automatically', checked: false }).waitFor();
    expect(await least.inputValue()).toBe('30');
    expectNoComplaints();
    await close();
  },
  120_000,
);

browserTest(
  'the start page warns of a balance too low for the next renewal, and leads to just what is missing',
  async () => {
    const { person } = await subscriber();
    const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl });
    await signInOnScreen(page, person.email);
    await page.getByText('Your balance is $5.98 short of these.').waitFor();
    await keepScreenshot(page, 'home-short');
    await page.getByRole('link', { name: 'Top up $5.98' }).click();
    await page.getByRole('button', { name: 'Top up $5.98' }).waitFor();
    expect(await page.getByLabel('Another amount').inputValue()).toBe('5.98');
    expectNoComplaints();
    await close();
  },
  120_000,
);

browserTest(
  'at an address with no such thing there is nothing, and nothing to try again',
  async () => {
    const person = await newCustomer(stack);
    const allowed = /status of 40[04]/;
    const nobody = crypto.randomUUID();
    for (const [email, paths] of [
      [person.email, ['/top-ups/xyz', `/top-ups/${nobody}`, '/subscriptions/nonsense', `/subscriptions/${nobody}`]],
      [operator.email, ['/operator/people/nonsense', '/operator/subscriptions/nonsense', `/operator/people/${nobody}`]],
    ] as const) {
      const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl, allowed });
      await signInOnScreen(page, email);
      for (const path of paths) {
        await page.goto(path);
        await page.getByRole('heading', { name: 'There is nothing here', level: 1 }).waitFor();
        expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0);
      }
      expectNoComplaints();
      await close();
    }
  },
  120_000,
);

browserTest(
  'what the server alone refuses of a form is said in the words of the page',
  async () => {
    const allowed = /status of 400/;
    const { page, expectNoComplaints, close } = await visit(browser, {
      baseUrl: stack.baseUrl,
      allowed,
      locale: 'ru-RU',
    });
    await page.goto('/sign-up');
    await page.getByLabel('Эл. почта').fill('nobody@-.');
    await page.getByRole('textbox', { name: 'Пароль' }).fill(WEB_PASSWORD);
    await page.getByRole('button', { name: 'Создать' }).click();
    await problem(page, 'В форме что-то не так').waitFor();
    await page.getByText('Это не похоже на адрес эл. почты').waitFor();
    expect(await page.locator('main').innerText()).not.toMatch(/must match/);
    expectNoComplaints();
    await close();
  },
  60_000,
);

browserTest(
  'what is down is said where it is missing, the rest goes on, and what was missed is told when it is back',
  async () => {
    const email = 'patient@test.example';
    // What the browser itself says of an answer 503, and of a socket that finds nobody.
    const allowed = /status of 503|WebSocket connection|ERR_CONNECTION/;
    const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl, allowed });
    await signUpOnScreen(page, email);
    const person = await logIn(stack, email);
    await topUp(person, 1_000);
    await expectUnread(page, 1);

    await stack.supervisor.stopOne('wallet');
    await page.reload();
    const balance = page.getByRole('region', { name: 'Balance', exact: true });
    await balance.getByText('This part is not available right now').waitFor();
    await page.getByText('No subscriptions yet').waitFor();
    await keepScreenshot(page, 'home-wallet-down');
    await stack.supervisor.startOne('wallet');
    await stack.supervisor.awaitReady('wallet');
    await balance.getByRole('button', { name: 'Try again' }).click();
    await balance.getByText('$10.00').waitFor();

    await topUp(person, 500);
    await expectUnread(page, 2);
    stack.supervisor.kill('notifier', 'SIGKILL');
    await topUp(person, 700);
    await stack.supervisor.awaitReady('notifier');
    await page.getByRole('alert').getByText('$7.00 was added').waitFor();
    await expectUnread(page, 3);
    expect(await page.getByRole('alert').getByText('$5.00 was added').count()).toBeLessThanOrEqual(1);
    await balance.getByText('$22.00').waitFor();
    expectNoComplaints();
    await close();
  },
  240_000,
);

browserTest(
  'a page that stays open gets a new token before the last one ends, and goes on hearing what happens',
  async () => {
    const email = 'long-stay@test.example';
    const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl });
    await page.clock.install();
    await signUpOnScreen(page, email);
    const person = await logIn(stack, email);
    // Tokens live ten minutes.
    const refreshed = page.waitForResponse((response) => response.url().endsWith('/v1/auth/refresh'));
    await page.clock.fastForward('09:35');
    expect((await refreshed).status()).toBe(200);
    const again = page.waitForResponse((response) => response.url().endsWith('/v1/auth/refresh'));
    await page.clock.fastForward('09:35');
    expect((await again).status()).toBe(200);
    await topUp(person, 1_000);
    await expectUnread(page, 1);
    expectNoComplaints();
    await close();
  },
  120_000,
);
