import { SECRET_MARKER } from '@evergreen/stack/secret-search.ts';
import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';

/** What customers do in the web app, in English. */

export const WEB_PASSWORD = `${SECRET_MARKER}a-long-test-password`;

export async function signUpOnScreen(page: Page, email: string): Promise<void> {
  await page.goto('/');
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.getByRole('heading', { name: 'Create your account' }).waitFor();
  await page.getByLabel('Email').fill(email);
  await page.getByRole('textbox', { name: 'Password' }).fill(WEB_PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
}

export async function signInOnScreen(page: Page, email: string, password = WEB_PASSWORD): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('Email').fill(email);
  await page.getByRole('textbox', { name: 'Password' }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
}

/** From the home page to the page on which the top-up can be watched. `amount` as its button says it: $25.00. */
export async function topUpOnScreen(page: Page, amount: string): Promise<void> {
  await page.getByRole('link', { name: 'Home' }).first().click();
  await page.getByRole('link', { name: 'Top up', exact: true }).click();
  await page.getByRole('button', { name: amount }).click();
  await page.getByRole('button', { name: `Top up ${amount}` }).click();
  await page.getByRole('heading', { name: `Top-up of ${amount}` }).waitFor();
}

/** The state of the top-up that is on the screen. */
export const topUpStatus = (page: Page, status: 'processing' | 'succeeded' | 'failed') =>
  page.locator(`[data-status=${status}]`);

export const bell = (page: Page) => page.getByRole('button', { name: /^Notifications/ });

export async function expectUnread(page: Page, count: number): Promise<void> {
  const name = count === 0 ? 'Notifications' : `Notifications, ${count} unread`;
  await page.getByRole('button', { name, exact: true }).waitFor();
  expect(await bell(page).getAttribute('aria-label')).toBe(name);
}
