import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { browserTest, closeBrowser, keepScreenshot, openBrowser, visit } from '../src/browser.ts';
import { calmGateway, newOperator, newPlan, type Person } from '../src/people.ts';
import { bell, expectUnread, signUpOnScreen, topUpOnScreen, topUpStatus } from '../src/web-people.ts';

let stack: TestStack;
let browser: Browser | undefined;
let operator: Person;

beforeAll(async () => {
  browser = await openBrowser();
  if (!browser) return;
  stack = await startTestStack({ web: true });
  operator = await newOperator(stack);
  await calmGateway(operator);
}, 240_000);

afterAll(async () => {
  await closeBrowser(browser);
  await stack?.stop();
}, 30_000);

const advance = async (by: string) => {
  const { error } = await operator.api.POST('/v1/clock/advance', { body: { by } });
  if (error) throw new Error(`the clock answered ${JSON.stringify(error)}`);
};
const setOutage = async (outage: boolean) => {
  const { error } = await operator.api.PUT('/v1/gateway/faults', { body: { outage } });
  if (error) throw new Error(`faults answered ${JSON.stringify(error)}`);
};

browserTest(
  'a customer signs up, tops up, subscribes, and sees all that follows without ever loading a page again',
  async () => {
    await newPlan(operator, { graceDays: 7 });
    const { page, newTab, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl });
    await signUpOnScreen(page, 'web-customer@test.example');
    const balance = page.getByTestId('balance');
    const shown = (text: string) => balance.filter({ hasText: text }).waitFor();
    const goHome = () => page.getByRole('link', { name: 'Home' }).first().click();

    // The top-up is there, and the notification comes by itself.
    await topUpOnScreen(page, '$25.00');
    await topUpStatus(page, 'succeeded').waitFor();
    await page.getByRole('alert').getByText('Balance topped up').waitFor();
    await expectUnread(page, 1);

    await page.getByRole('link', { name: 'Plans' }).first().click();
    await page.getByRole('button', { name: 'Subscribe to Monthly' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Subscribe' }).click();
    await page.getByRole('heading', { name: 'Monthly', level: 1 }).waitFor();
    await page.getByRole('status').getByText('Active').waitFor();
    await expectUnread(page, 2);
    const subscriptionPath = new URL(page.url()).pathname;

    // The gateway is down: nobody knows what became of the top-up, and the page says so. Then it completes by itself.
    await setOutage(true);
    await topUpOnScreen(page, '$10.00');
    await topUpStatus(page, 'processing').waitFor();
    await keepScreenshot(page, 'top-up-processing');
    await setOutage(false);
    await topUpStatus(page, 'succeeded').waitFor({ timeout: 30_000 });
    await expectUnread(page, 3);
    await goHome();
    await shown('$22.01');

    // A second tab watches the subscription.
    const other = await newTab();
    await other.goto(subscriptionPath);
    const otherStatus = (text: string) => other.getByRole('status').getByText(text).waitFor();
    await otherStatus('Active');
    await expectUnread(other, 3);

    // A month later it has renewed, and both tabs show it.
    await advance('P1M');
    await shown('$9.02');
    await expectUnread(page, 5);
    await other.getByText('Payment received').nth(1).waitFor();

    // A month later the money has run out.
    await advance('P1M');
    const missing = page.getByRole('link', { name: 'Top up $3.97' });
    await missing.waitFor();
    await otherStatus('Waiting for money');
    await keepScreenshot(page, 'home-waiting-for-money');
    await missing.click();
    await page.getByRole('button', { name: '$3.97 Covers what is missing', pressed: true }).waitFor();
    await page.getByRole('button', { name: 'Top up $3.97' }).click();
    await topUpStatus(page, 'succeeded').waitFor();
    await otherStatus('Active');
    await goHome();
    await shown('$0.00');
    await missing.waitFor({ state: 'detached' });

    // What is marked read in one tab is read in the other.
    await bell(page).click();
    const panel = page.getByRole('dialog', { name: 'Notifications' });
    const unread = Number(/\d+/.exec((await bell(other).getAttribute('aria-label')) ?? '')?.[0]);
    await panel
      .getByRole('button', { name: /^Mark read/ })
      .first()
      .click();
    await expectUnread(other, unread - 1);
    await panel.getByRole('button', { name: 'Mark all read' }).click();
    await expectUnread(other, 0);

    expectNoComplaints();
    await close();
  },
  240_000,
);
