import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { browserTest, closeBrowser, keepScreenshot, openBrowser, visit } from '../src/browser.ts';
import { calmGateway, logIn, newOperator, topUp } from '../src/people.ts';
import { expectUnread, signUpOnScreen } from '../src/web-people.ts';

let stack: TestStack;
let browser: Browser | undefined;

beforeAll(async () => {
  browser = await openBrowser();
  if (!browser) return;
  stack = await startTestStack({ web: true });
  await calmGateway(await newOperator(stack));
}, 240_000);

afterAll(async () => {
  await closeBrowser(browser);
  await stack?.stop();
}, 30_000);

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
