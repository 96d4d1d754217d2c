import { UserRegistered } from '@evergreen/contracts/events/auth.ts';
import { EVENT_EXCHANGE, NOTIFIER_ACCOUNTS } from '@evergreen/contracts/topology.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { deadQueue } from '@evergreen/service-kit/topology.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { type ConfirmChannel, connect } from 'amqplib';
import pg from 'pg';
import type { Browser, Page } from 'playwright-core';
import {
  browserTest,
  closeBrowser,
  keepScreenshot,
  openBrowser,
  seriousBarriers,
  visit,
  wholeTest,
} from '../src/browser.ts';
import {
  awaitStatus,
  calmGateway,
  newCustomer,
  newOperator,
  newPlan,
  type Person,
  subscribe,
  topUp,
} from '../src/people.ts';
import { signInOnScreen } from '../src/web-people.ts';

let stack: TestStack;
let browser: Browser | undefined;
let operator: Person;
let customer: Person;
let notifier: pg.Pool;

beforeAll(async () => {
  browser = await openBrowser();
  if (!browser) return;
  stack = await startTestStack({ web: true });
  notifier = new pg.Pool({ connectionString: stack.databases.notifier.url });
  operator = await newOperator(stack);
  await calmGateway(operator);
  const plan = await newPlan(operator);
  customer = await newCustomer(stack);
  await topUp(customer, 5_000);
  await awaitStatus(customer, (await subscribe(customer, plan.id)).body.id, 'active');
}, 240_000);

afterAll(async () => {
  await closeBrowser(browser);
  await notifier?.end();
  await stack?.stop();
}, 30_000);

const goTo = (page: Page, place: string) => page.getByRole('navigation').getByRole('link', { name: place }).click();
const shows = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();

async function signIn(options: { colorScheme?: 'light' | 'dark'; width?: number } = {}) {
  const visited = await visit(browser, { baseUrl: stack.baseUrl, ...options });
  await signInOnScreen(visited.page, operator.email);
  await visited.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  return visited;
}

browserTest(
  'an operator takes the gateway down and sees the breaker open, and close again when it is back',
  async () => {
    const { page, expectNoComplaints, close } = await signIn();
    await goTo(page, 'Payment gateway');
    const breaker = (state: string, timeout = 30_000) => page.getByRole('status', { name: state }).waitFor({ timeout });
    await breaker('Closed');
    await page.getByRole('switch', { name: 'Take the gateway down' }).click();
    await page.getByRole('switch', { name: 'The gateway is down' }).waitFor();
    const asked = await Promise.all(Array.from({ length: 12 }, () => topUp(customer, 100)));
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([202]));
    await breaker('Open');
    await keepScreenshot(page, 'operator-breaker-open');
    await page.getByRole('switch', { name: 'The gateway is down' }).click();
    await breaker('Closed', 60_000);
    // What waited has been completed by itself, each once.
    await awaitCondition(
      async () => {
        const { data } = await operator.api.GET('/v1/wallets/gateway-health');
        return data?.unfinishedTopUps === 0 ? true : undefined;
      },
      { what: 'the top-ups to be completed', timeoutMs: 60_000, intervalMs: 100 },
    );
    await page.getByRole('button', { name: /^Calm/ }).click();
    await page.getByRole('button', { name: /^Calm/, pressed: true }).waitFor();
    expectNoComplaints();
    await close();
  },
  150_000,
);

browserTest(
  'an operator moves the billing clock with progress on screen, and watches the events of it pass by',
  async () => {
    const { page, newTab, expectNoComplaints, close } = await signIn();
    const flow = await newTab();
    await flow.goto('/operator/flow');
    await shows(flow, 'Live');
    await goTo(page, 'Billing clock');
    const before = await page.getByTestId('billing-clock').getAttribute('datetime');
    await page.getByRole('button', { name: '+1 month' }).click();
    await page.getByRole('progressbar', { name: 'How far the clock has come' }).waitFor();
    await shows(page, /^From .* to /);
    expect(await page.locator('dl', { hasText: 'Renewed' }).locator('dd').first().textContent()).toBe('1');
    const after = await page.getByTestId('billing-clock').getAttribute('datetime');
    expect(Date.parse(after ?? '') - Date.parse(before ?? '')).toBeGreaterThan(27 * 86_400_000);

    const events = flow.getByRole('list', { name: 'Events' });
    for (const name of ['ClockAdvanced', 'RenewalDue', 'ChargeSucceeded', 'SubscriptionRenewed']) {
      await events.getByText(name, { exact: true }).first().waitFor();
    }
    await events.getByText('subscriptions → wallet.charges').first().waitFor();
    await keepScreenshot(flow, 'operator-flow');
    // While it is paused nothing moves, and what came meanwhile is shown afterwards.
    await flow.getByRole('button', { name: 'Pause' }).click();
    const shown = await events.getByRole('listitem').count();
    await topUp(customer, 100);
    await flow.getByRole('button', { name: /Resume \([1-9]/ }).waitFor();
    expect(await events.getByRole('listitem').count()).toBe(shown);
    await flow.getByRole('button', { name: /Resume/ }).click();
    await awaitCondition(async () => ((await events.getByRole('listitem').count()) > shown ? true : undefined), {
      ...{ what: 'what had waited', timeoutMs: 10_000, intervalMs: 50 },
    });

    // What cannot be handled is marked where it was set aside.
    await asAdmin(async (channel) => {
      const type = 'evergreen.auth.UserRegistered.v9';
      channel.publish(
        EVENT_EXCHANGE,
        type,
        Buffer.from(JSON.stringify({ ...accountEvent(crypto.randomUUID()), type })),
      );
    });
    await events.getByText('Dead letter').waitFor();
    await flow.getByRole('img').getByText('✕1').waitFor();
    await keepScreenshot(flow, 'operator-flow-dead');
    await asAdmin((channel) => channel.purgeQueue(deadQueue(NOTIFIER_ACCOUNTS.name)));

    await page.getByRole('button', { name: 'Pause' }).click();
    await shows(page, 'Paused');
    await operator.api.POST('/v1/clock/advance', { body: { by: 'P1M' } });
    const preview = page.getByRole('region', { name: 'Catch-up preview' });
    await preview.getByText('It would ask for $12.99 in 1 charge.').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await shows(page, 'Running');
    await preview.getByText('Nothing is due').waitFor();
    expectNoComplaints();
    await close();
  },
  90_000,
);

browserTest(
  'an operator reads a dead letter and redrives it on screen, and it has its effect',
  async () => {
    const userId = crypto.randomUUID();
    await killAccountEvent(userId);
    const { page, expectNoComplaints, close } = await signIn();
    await goTo(page, 'Dead letters');
    const queue = page.getByRole('region', { name: NOTIFIER_ACCOUNTS.name });
    await queue.getByText('attempts exhausted').waitFor();
    await keepScreenshot(page, 'operator-dead-letters');
    await queue.getByRole('button', { name: 'Look' }).click();
    await page.getByRole('dialog').getByText(userId).first().waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await queue.getByRole('button', { name: 'Redrive', exact: true }).click();
    await shows(page, '1 message sent back');
    await shows(page, 'Everything was handled');
    await awaitCondition(
      async () => (await notifier.query('SELECT 1 FROM account WHERE user_id = $1', [userId])).rowCount || undefined,
      { what: 'the account at the notifier', timeoutMs: 10_000, intervalMs: 50 },
    );
    expectNoComplaints();
    await close();
  },
  60_000,
);

function accountEvent(userId: string) {
  const email = `${userId}@test.example`;
  const data = { userId, email, role: 'customer', timeZone: 'UTC', locale: 'en', version: 1 } as const;
  return newEvent(UserRegistered, { subject: userId, data, time: new Date().toISOString(), correlationId: 'test' });
}

/** An event of an account that the notifier has given up, as its consumer sets it aside. */
async function killAccountEvent(userId: string): Promise<void> {
  const event = accountEvent(userId);
  await asAdmin(async (channel) => {
    channel.sendToQueue(deadQueue(NOTIFIER_ACCOUNTS.name), Buffer.from(JSON.stringify(event)), {
      ...{ persistent: true, messageId: event.id, type: event.type },
      headers: {
        ...{ 'x-attempt': 3, 'x-dead-reason': 'attempts_exhausted', 'x-dead-at': new Date().toISOString() },
        'x-dead-detail': 'column "locale" of relation "account" does not exist',
      },
    });
  });
}

/** Does something on the broker that no service may, and waits until it is safe. */
async function asAdmin(work: (channel: ConfirmChannel) => Promise<unknown>): Promise<void> {
  const connection = await connect(stack.amqpUrl);
  const channel = await connection.createConfirmChannel();
  await work(channel);
  await channel.waitForConfirms();
  await connection.close();
}

browserTest(
  'an operator finds a person, credits them with a reason, reads why, and ends and extends their subscription',
  async () => {
    const { page, expectNoComplaints, close } = await signIn();
    await goTo(page, 'People');
    await page.getByRole('searchbox').fill(customer.email.slice(0, -6).toUpperCase());
    await page.getByRole('link', { name: customer.email }).click();
    await page.getByRole('heading', { name: customer.email, level: 1 }).waitFor();
    await page.getByRole('button', { name: 'Adjust' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('For the trouble');
    await dialog.getByRole('button', { name: 'Credit' }).click();
    await dialog.getByText('A number is needed').waitFor();
    await dialog.getByLabel('Amount').fill('0');
    await dialog.getByText('At least $0.01').waitFor();
    await dialog.getByLabel('Amount').fill('7.50');
    await dialog.getByRole('button', { name: 'Credit' }).click();
    const statement = page.getByRole('region', { name: 'Statement' });
    const line = statement.getByRole('row', { name: /For the trouble/ });
    await line.getByText('+$7.50').waitFor();
    await line.getByRole('button', { name: 'Why?' }).click();
    await dialog.getByText(/added \$7\.50 to the balance/).waitFor();
    await keepScreenshot(page, 'operator-person-why');
    await page.keyboard.press('Escape');
    // What is too much is neither cut to what would do nor sent.
    const charge = statement.getByRole('row', { name: /^Monthly/ }).last();
    await charge.getByRole('button', { name: 'Refund' }).click();
    await dialog.getByLabel('Amount').fill('999.99');
    await dialog.getByLabel('Reason').fill('Far too much');
    await dialog.getByRole('button', { name: 'Refund' }).click();
    await dialog.getByText(/^At most \$/).waitFor();
    expect(await dialog.getByLabel('Amount').inputValue()).toBe('999.99');
    await dialog.getByRole('button', { name: 'Back' }).click();
    expect(await statement.getByText('Far too much').count()).toBe(0);

    await page.getByRole('region', { name: 'Subscriptions' }).getByRole('link', { name: 'Monthly' }).click();
    await page.getByRole('button', { name: 'Extend' }).click();
    await dialog.getByLabel('Reason').fill('A week on us');
    await dialog.getByRole('button', { name: 'Extend' }).click();
    await shows(page, 'Extended for free');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await dialog.getByRole('button', { name: 'Cancel the subscription' }).click();
    await shows(page, 'Canceled at the end of the period');
    await shows(page, '“A week on us”');

    await goTo(page, 'Plans');
    await page.getByRole('button', { name: 'New plan' }).click();
    await dialog.getByLabel('Name').fill('Weekly');
    await dialog.getByLabel('Price').fill('3');
    await dialog.getByLabel('Every').fill('999');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByText('At most 366').waitFor();
    await dialog.getByLabel('Every').fill('1');
    await dialog.getByRole('button', { name: 'Create' }).click();
    const row = page.getByRole('row', { name: /Weekly/ });
    await row.getByText('$3.00').waitFor();
    await row.getByRole('button', { name: 'Change' }).click();
    await dialog.getByLabel('Price').fill('4');
    await dialog.getByRole('button', { name: 'Save as a new version' }).click();
    await row.getByText('$4.00').waitFor();
    await row.getByRole('button', { name: 'Version 2' }).click();
    await dialog.getByText('$3.00').waitFor();
    expectNoComplaints();
    await close();
  },
  60_000,
);

wholeTest(
  'a Russian operator on a phone reaches everything, in Russian, and nothing stands out of the page',
  async () => {
    const russian = await newOperator(stack);
    await russian.api.PATCH('/v1/auth/me', { body: { locale: 'ru-RU' } });
    const { page, expectNoComplaints, close } = await visit(browser, { baseUrl: stack.baseUrl, width: 390 });
    await signInOnScreen(page, russian.email);
    const keep = async (name: string) => {
      await keepScreenshot(page, `operator-russian-${name}`);
      expect({ name, width: await page.evaluate('document.documentElement.scrollWidth') }).toEqual({
        name,
        width: 390,
      });
    };
    await page.getByRole('heading', { name: 'Обзор', level: 1 }).waitFor();
    await keep('overview');
    await page.goto('/operator/gateway');
    await shows(page, 'Разомкнут');
    await keep('gateway');
    await page.goto('/operator/subscriptions');
    await page.getByText('Следующее продление').first().waitFor();
    await keep('subscriptions');

    await page.goto('/operator/plans');
    const dialog = page.getByRole('dialog');
    await page
      .getByRole('button', { name: /^Версия/ })
      .first()
      .click();
    await dialog.getByRole('columnheader', { name: 'Для кого' }).waitFor();
    await keep('versions');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await keep('plans');
    await page.getByRole('button', { name: 'Новый тариф' }).click();
    await dialog.getByLabel('Каждые').fill('999');
    await dialog.getByText('Не больше 366').waitFor();
    await keep('plan-form');

    await page.goto(`/operator/people/${customer.id}`);
    const statement = page.getByRole('region', { name: 'Выписка' });
    await statement.getByRole('button', { name: 'Почему?' }).last().waitFor();
    expect(await statement.innerText()).not.toMatch(/\d{4}-\d\d-\d\d|Top-up/);
    await keep('person');
    await statement.getByRole('button', { name: 'Почему?' }).last().click();
    await dialog.getByText('Пояснение на английском').waitFor();
    expect(await dialog.getByText(/added \$/).isVisible()).toBe(false);
    await keep('why');

    await page.goto('/operator/people');
    await page.getByRole('link', { name: customer.email }).waitFor();
    await keep('people');
    await page.goto('/operator/clock');
    await shows(page, 'Планировщик всё успел.');
    await keep('clock');
    expectNoComplaints();
    await close();
  },
  90_000,
);

const PAGES = [
  ['Overview', 'Renewals per day'],
  ['People', 'Newest first'],
  ['Subscriptions', 'All subscriptions'],
  ['Plans', 'Monthly'],
  ['Payment gateway', 'Circuit breaker'],
  ['Billing clock', 'Nothing is due'],
  ['Dead letters', 'Everything was handled'],
  ['Event flow', 'Live'],
] as const;

wholeTest(
  'no page of the console keeps anybody out, light or dark, at a desk or on a phone',
  async () => {
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 390],
    ] as const) {
      const { page, expectNoComplaints, close } = await signIn({ colorScheme, width });
      for (const [place, text] of PAGES) {
        if (width < 600) await page.getByRole('button', { name: 'Menu' }).first().click();
        await goTo(page, place);
        await shows(page, text);
        expect({ place, barriers: await seriousBarriers(page) }).toEqual({ place, barriers: [] });
        await keepScreenshot(page, `operator-${place.toLowerCase().replace(' ', '-')}-${colorScheme}-${width}`);
      }
      expectNoComplaints();
      await close();
    }
  },
  120_000,
);
