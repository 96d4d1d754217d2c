import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import {
  browserTest,
  closeBrowser,
  keepScreenshot,
  LOOKS_AT_ALL,
  openBrowser,
  seriousBarriers,
  visit,
  wholeTest,
} from '../src/browser.ts';
import { awaitStatus, calmGateway, logIn, newCustomer, newOperator, newPlan, subscribe, topUp } from '../src/people.ts';
import { bell, signInOnScreen, WEB_PASSWORD } from '../src/web-people.ts';

let stack: TestStack;
let browser: Browser | undefined;
/** Has a balance, an active subscription and one that waits for money. */
let customer: { email: string; paths: Record<string, string> };

beforeAll(async () => {
  browser = await openBrowser();
  if (!browser) return;
  stack = await startTestStack({ web: true });
  const operator = await newOperator(stack);
  await calmGateway(operator);
  const plan = await newPlan(operator, { graceDays: 7, description: 'Everything, month by month.' });
  const yearly = await newPlan(operator, {
    name: 'Yearly',
    price: { amount: 12_900, currency: 'USD' },
    interval: { unit: 'year', count: 1 },
    trialDays: 14,
  });
  const dear = await newPlan(operator, { name: 'Everything', price: { amount: 4_900, currency: 'USD' } });
  const person = await newCustomer(stack);
  await topUp(person, 3_000);
  await person.api.POST('/v1/wallet/payment-methods', { body: { token: 'pm_card_visa' } });
  const { body } = await subscribe(person, plan.id);
  await awaitStatus(person, body.id, 'active');
  await subscribe(person, yearly.id);
  await subscribe(person, dear.id);
  customer = {
    email: person.email,
    paths: {
      home: '/',
      plans: '/plans',
      'top-up': '/top-up?amount=3199&currency=USD&for=missing',
      subscription: `/subscriptions/${body.id}`,
      statement: '/statement',
      payment: '/payment',
      profile: '/profile',
      nowhere: '/no-such-page',
    },
  };
}, 240_000);

afterAll(async () => {
  await closeBrowser(browser);
  await stack?.stop();
}, 30_000);

/** All that is on its way has come: nothing loads, and no skeleton stands in its place. */
async function settle(page: Page): Promise<void> {
  await page.waitForLoadState('networkidle');
  await page.locator('.mantine-Skeleton-root, .mantine-Loader-root').first().waitFor({ state: 'detached' });
}

/** How much of the page has jumped since it was opened; what people do themselves does not count. */
const layoutShift = (page: Page): Promise<unknown> =>
  page.evaluate(`new Promise((answer) => {
    let sum = 0;
    new PerformanceObserver((list) => {
      for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) sum += value;
    }).observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => answer(sum), 100);
  })`);

const WAYS = [
  ['light', 1280],
  ['dark', 390],
] as const;
for (const [colorScheme, width] of LOOKS_AT_ALL ? WAYS : WAYS.slice(1)) {
  browserTest(
    `every page can be used by everybody: ${colorScheme}, ${width} pixels wide`,
    async () => {
      const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl, colorScheme, width });
      const barriers: Record<string, string[]> = {};
      const shifts: Record<string, number> = {};
      const look = async (name: string) => {
        await settle(page);
        const found = await seriousBarriers(page);
        if (found.length > 0) barriers[name] = found;
        await keepScreenshot(page, `${name}-${colorScheme}-${width}`);
        const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        expect({ name, overflow }).toEqual({ name, overflow: 0 });
      };
      await page.goto('/sign-up');
      await look('sign-up');
      await page.goto('/sign-in');
      await look('sign-in');
      await signInOnScreen(page, customer.email, WEB_PASSWORD);
      for (const [name, path] of Object.entries(customer.paths)) {
        await page.goto(path);
        await look(name);
        shifts[name] = Number(await layoutShift(page));
      }
      // Good by the measure of Core Web Vitals.
      expect(Object.entries(shifts).filter(([, shift]) => shift >= 0.1)).toEqual([]);
      await page.goto('/statement');
      await page.getByRole('button', { name: /^Why/ }).first().click();
      await page.getByRole('dialog').getByText('Reference for support').waitFor();
      await look('why');
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await bell(page).click();
      await page.getByRole('dialog').getByRole('listitem').first().waitFor();
      await look('notifications');
      expect(barriers).toEqual({});
      expectNoComplaints();
      await close();
    },
    240_000,
  );
}

wholeTest(
  'in Russian every page speaks Russian, and the account keeps it',
  async () => {
    const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl, locale: 'ru-RU' });
    await page.goto('/sign-up');
    await page.getByRole('heading', { name: 'Новая учётная запись' }).waitFor();
    await page.getByLabel('Эл. почта').fill('russian@test.example');
    await page.getByRole('textbox', { name: 'Пароль' }).fill(WEB_PASSWORD);
    await page.getByRole('button', { name: 'Создать' }).click();
    await page.getByRole('heading', { name: 'Главная', level: 1 }).waitFor();
    const person = await logIn(stack, 'russian@test.example');
    await topUp(person, 3_000);
    const { data: plans } = await person.api.GET('/v1/plans');
    const { body } = await subscribe(person, plans?.data.find(({ name }) => name === 'Monthly')?.id ?? '');
    await awaitStatus(person, body.id, 'active');
    const expectRussian = async (where: string, text: string) => {
      // What the seller wrote, names of cards and time zones, and references are as they are.
      const foreign =
        /Monthly|Yearly|Everything,? ?[a-z ]*\.?|Visa|Mastercard|USD|EUR|GBP|JPY|RUB|CSV|Europe\/Amsterdam|Chrome|Linux|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|russian@test.example/g;
      expect({ where, latin: text.replace(foreign, '').match(/[A-Za-z]{3,}.*/g) }).toEqual({ where, latin: null });
    };
    for (const [path, title] of [
      ['/', 'Главная'],
      ['/plans', 'Тарифы'],
      ['/top-up', 'Пополнение'],
      [`/subscriptions/${body.id}`, 'Monthly'],
      ['/payment', 'Оплата'],
      ['/profile', 'Профиль'],
      ['/statement', 'Выписка'],
    ] as const) {
      await page.goto(path);
      await page.getByRole('heading', { name: title, level: 1 }).waitFor();
      await settle(page);
      await keepScreenshot(page, `russian-${path.split('/')[1] || 'home'}`);
      await expectRussian(path, await page.locator('main').innerText());
    }
    await page.goto('/top-up');
    await page.getByLabel('Другая сумма').fill('12,34');
    await page.getByRole('button', { name: 'Пополнить на 12,34 $' }).waitFor();
    await page.goto('/statement');
    for (const line of [0, 1]) {
      await page
        .getByRole('button', { name: /^Почему/ })
        .nth(line)
        .click();
      const why = page.getByRole('dialog', { name: 'Почему?' });
      await why.getByText('Номер для поддержки').waitFor();
      await keepScreenshot(page, `russian-why-${line}`);
      await expectRussian(`why ${line}`, await why.innerText());
      await page.keyboard.press('Escape');
      await why.waitFor({ state: 'detached' });
    }
    expectNoComplaints();
    await close();
  },
  120_000,
);

browserTest(
  'a wrong password is said in words, and signing out is heard in every tab',
  async () => {
    const allowed = /status of 401/;
    const { page, newTab, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl, allowed });
    await page.goto('/statement');
    await page.getByLabel('Email').fill(customer.email);
    await page.getByRole('textbox', { name: 'Password' }).fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert', { name: 'Email or password is wrong' }).waitFor();
    await page.getByRole('textbox', { name: 'Password' }).fill(WEB_PASSWORD);
    await page.getByRole('textbox', { name: 'Password' }).press('Enter');
    // Back to where they wanted to be, without the password in the address.
    await page.getByRole('heading', { name: 'Statement' }).waitFor();
    const other = await newTab();
    await other.goto('/plans');
    await other.getByRole('heading', { name: 'Plans' }).waitFor();
    // By the keyboard alone.
    await page.getByRole('button', { name: 'Account menu' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Sign out' }).press('Enter');
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    await other.getByRole('heading', { name: 'Welcome back' }).waitFor();
    expectNoComplaints();
    await close();
  },
  120_000,
);

browserTest(
  'a link to the demo fills the sign-in in, also for somebody else than who is signed in, and stays in no address',
  async () => {
    const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl });
    const linkOf = (email: string) => `/sign-in#${new URLSearchParams({ email, password: WEB_PASSWORD })}`;
    const other = await newCustomer(stack);
    for (const email of [customer.email, other.email]) {
      await page.goto(linkOf(email));
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
      expect(new URL(page.url()).hash).toBe('');
      await page.getByRole('link', { name: 'Profile' }).first().click();
      expect(await page.getByLabel('Email').inputValue()).toBe(email);
    }
    await page.goBack();
    expect(page.url()).not.toContain('password');
    expectNoComplaints();
    await close();
  },
  120_000,
);
