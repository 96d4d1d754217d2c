import { readFileSync } from 'node:fs';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { browserTest, closeBrowser, keepScreenshot, openBrowser, visit } from '../src/browser.ts';
import {
  awaitStatus,
  balanceOf,
  calmGateway,
  logIn,
  newCustomer,
  newOperator,
  newPlan,
  type Person,
  subscribe,
  topUp,
} from '../src/people.ts';
import { signInOnScreen, topUpStatus, WEB_PASSWORD } from '../src/web-people.ts';

let stack: TestStack;
let browser: Browser | undefined;
let operator: Person;

beforeAll(async () => {
  browser = await openBrowser();
  if (!browser) return;
  stack = await startTestStack({ web: true });
  operator = await newOperator(stack);
  await calmGateway(operator);
  await newPlan(operator, { graceDays: 7 });
  await newPlan(operator, { name: 'Plus', price: { amount: 2_000, currency: 'USD' } });
}, 240_000);

afterAll(async () => {
  await closeBrowser(browser);
  await stack?.stop();
}, 30_000);

async function subscriber(): Promise<{ person: Person; subscriptionId: string }> {
  const person = await newCustomer(stack);
  await topUp(person, 5_000);
  const { data } = await person.api.GET('/v1/plans');
  const { body } = await subscribe(person, data?.data.find(({ name }) => name === 'Monthly')?.id ?? '');
  await awaitStatus(person, body.id, 'active');
  return { person, subscriptionId: body.id };
}

const choose = async (page: Page, label: string, option: RegExp) => {
  await page
    .getByRole('combobox', { name: label })
    .or(page.getByRole('textbox', { name: label }))
    .first()
    .click();
  await page.getByRole('option', { name: option }).click();
};

browserTest(
  'a subscription is paused, resumed, changed with the arithmetic shown, and canceled with the rest given back',
  async () => {
    const { person, subscriptionId } = await subscriber();
    const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl });
    await signInOnScreen(page, person.email);
    await page
      .getByRole('main')
      .getByRole('link', { name: /^Monthly/ })
      .click();
    const main = page.getByRole('main');
    const status = (text: string) => main.getByRole('status').getByText(text, { exact: true }).waitFor();
    const dialog = page.getByRole('dialog');

    await main.getByRole('button', { name: 'Pause' }).click();
    await dialog.getByRole('button', { name: 'Pause' }).click();
    await status('Paused');
    await main.getByText('Closed', { exact: true }).waitFor();
    await main.getByRole('button', { name: 'Resume' }).click();
    await status('Active');

    await main.getByRole('button', { name: 'Change plan' }).click();
    await choose(page, 'New plan', /^Plus/);
    await dialog.getByText('Applies at once').waitFor();
    await dialog.getByText(/^Unused part of Monthly/).waitFor();
    await keepScreenshot(page, 'change-plan');
    const before = await balanceOf(person);
    await dialog.getByRole('button', { name: 'Change plan' }).click();
    await page.getByRole('heading', { name: 'Plus', level: 1 }).waitFor();
    // The difference of the prices, but for a cent of the time that has passed.
    expect([700, 701, 702]).toContain(before - (await balanceOf(person)));

    await main.getByRole('button', { name: 'Cancel' }).click();
    await dialog.getByRole('button', { name: 'Cancel subscription' }).click();
    await status('Ends soon');
    await main.getByRole('button', { name: 'Resume' }).click();
    await status('Active');
    await main.getByRole('button', { name: 'Cancel' }).click();
    await dialog.getByRole('radio', { name: 'Now' }).check();
    await dialog.getByRole('button', { name: 'Cancel subscription' }).click();
    await status('Ended');
    await awaitStatus(person, subscriptionId, 'expired');

    expectNoComplaints();
    await close();
  },
  240_000,
);

browserTest(
  'a top-up that fails says why, the statement filters, downloads and explains, and money comes by itself when wanted',
  async () => {
    const { person } = await subscriber();
    const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl });
    await signInOnScreen(page, person.email);
    await page.getByRole('link', { name: 'Top up', exact: true }).click();
    await page.getByLabel('Another amount').fill('12.34');
    await choose(page, 'Payment method', /expired/);
    await page.getByRole('button', { name: 'Top up $12.34' }).click();
    await topUpStatus(page, 'failed').getByText('The card has expired.').waitFor();
    await keepScreenshot(page, 'top-up-failed');

    await page.getByRole('link', { name: 'Statement' }).first().click();
    const lines = page.getByRole('button', { name: /^Why/ });
    await lines.nth(1).waitFor();
    await page.getByLabel('Kind').selectOption('charge');
    await page.getByRole('button', { name: /^Why: Monthly/ }).waitFor();
    await page.getByRole('row', { name: /Top-up/ }).waitFor({ state: 'detached' });
    expect(await lines.count()).toBe(1);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download CSV' }).click(),
    ]);
    const rows = readFileSync(await download.path(), 'utf8')
      .trim()
      .split('\r\n');
    expect(rows).toEqual([
      expect.stringContaining('createdAt,id,kind'),
      expect.stringContaining(',charge,-1299,USD,3701,'),
    ]);
    await lines.first().click();
    await page
      .getByRole('dialog')
      .getByText(/^This charge of \$12\.99 is for/)
      .waitFor();
    await page.getByRole('dialog').getByText('$50.00 → $37.01').waitFor();
    await page.keyboard.press('Escape');

    await page.getByRole('link', { name: 'Payment' }).first().click();
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
    await page.getByText('Visa ending in 4242').first().waitFor();
    await page.getByRole('switch', { name: 'Top up automatically' }).check();
    await page.getByLabel('When the balance falls below').fill('40');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Automatic top-up is saved').waitFor();
    const { data } = await person.api.GET('/v1/wallet/auto-top-up', { params: { query: { currency: 'USD' } } });
    expect(data?.data).toMatchObject([{ enabled: true, threshold: 4_000, amount: 2_000, maxPerDay: 10_000 }]);
    expectNoComplaints();
    await close();
  },
  240_000,
);

browserTest(
  'the profile changes time zone, what one is told of, and the password, and ends other sessions',
  async () => {
    const person = await newCustomer(stack);
    await logIn(stack, person.email);
    const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl });
    await signInOnScreen(page, person.email);
    await page.getByRole('link', { name: 'Profile' }).first().click();
    await page
      .getByRole('textbox', { name: 'Time zone' })
      .or(page.getByRole('combobox', { name: 'Time zone' }))
      .first()
      .fill('Tokyo');
    await page.getByRole('option', { name: 'Asia/Tokyo' }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').getByText('Saved').waitFor();
    const { data } = await person.api.GET('/v1/auth/me');
    expect(data).toMatchObject({ timeZone: 'Asia/Tokyo' });

    const payments = page.getByRole('switch', { name: 'Payments: Inbox' });
    await payments.focus();
    await page.keyboard.press('Space');
    await page.getByRole('switch', { name: 'Payments: On screen' }).and(page.locator(':disabled')).waitFor();
    await page.getByRole('switch', { name: 'Failures: Inbox' }).and(page.locator(':disabled')).waitFor();
    await awaitCondition(
      async () => {
        const known = await person.api.GET('/v1/notifications/preferences');
        return known.data?.payment_succeeded.inbox === false || undefined;
      },
      { what: 'the preference to be saved', timeoutMs: 10_000 },
    );

    const others = page.getByRole('button', { name: /^Sign out Unknown device/ });
    await others.nth(1).waitFor();
    await others.first().click();
    await others.nth(1).waitFor({ state: 'detached' });
    await page.getByRole('textbox', { name: 'Current password' }).fill(WEB_PASSWORD);
    await page.getByRole('textbox', { name: 'New password' }).fill('another long password');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('Your password is changed').waitFor();
    await others.first().waitFor({ state: 'detached' });
    await page.reload();
    await page.getByText('This device').waitFor();
    expectNoComplaints();
    await close();
  },
  240_000,
);
