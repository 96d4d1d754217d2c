import type { Subscription } from '@evergreen/contracts/http/subscriptions.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { newKey } from './api.ts';
import { type Books, openBooks } from './books.ts';
import { adjust, advance, openCrowd } from './crowd.ts';
import { awaitStatus, calmGateway, newPlan, type Person, subscribe } from './people.ts';

export const PRICE = 1_000;

/** A customer with one subscription, for a test about one moment of its life. */
export interface Story {
  person: Person;
  id: string;
  planId: string;
  command(name: string, body?: Record<string, unknown>): ReturnType<Person['call']>;
}

/** All that can be said of the money and the time of one subscription. */
export interface Facts {
  status: string;
  access: boolean;
  debits: number;
  balance: number;
  /** What was bought, oldest first. */
  bought: { what: string; start: string; end: string }[];
}

/** Stories on one stack. What one leaves behind is ended with `end`, so the next one has the stack for itself. */
export async function openStories(stack: TestStack) {
  const books: Books = openBooks(stack);
  const newPerson = await openCrowd(stack);
  const operator = newPerson({ role: 'operator', timeZone: 'UTC' });
  await calmGateway(operator);
  const stories: Story[] = [];
  let told = 0;

  const view = async ({ person, id }: Story): Promise<Subscription> => (await person.call(`/subscriptions/${id}`)).body;

  return {
    books,
    operator,
    newPerson,
    view,
    /** Moves the clock and waits until all has settled. */
    pass: (by: string) => advance(operator, { by }),
    settle: () => advance(operator, { by: 'PT0.001S' }),
    /** Moves the clock and waits for nothing; what it comes to is for `await`ing later. */
    begin(target: { by: string } | { to: string }) {
      const walking = advance(operator, target);
      // A failure is reported where it is awaited.
      walking.catch(() => undefined);
      return walking;
    },
    /** An active subscription to a plan of a day, unless told otherwise, with so much on the balance besides. */
    async active(left: number, offer: Record<string, unknown> = {}, timeZone = 'UTC'): Promise<Story> {
      const body = {
        name: `Story ${++told}`,
        price: { amount: PRICE, currency: 'USD' },
        interval: { unit: 'day', count: 1 },
      };
      const plan = await newPlan(operator, { ...body, graceDays: 2, noticeDays: 0, ...offer });
      return this.subscribed(newPerson({ timeZone }), plan, left);
    },
    async subscribed(person: Person, plan: { id: string; price?: { amount: number } }, left: number): Promise<Story> {
      await adjust(operator, person, (plan.price?.amount ?? PRICE) + left);
      const { body } = await subscribe(person, plan.id);
      await awaitStatus(person, body.id, 'active');
      const story: Story = {
        ...{ person, id: body.id, planId: plan.id },
        command: (name, wish) =>
          person.call(`/subscriptions/${body.id}/${name}`, {
            ...{ method: 'POST', key: newKey() },
            ...(wish && { body: wish }),
          }),
      };
      stories.push(story);
      return story;
    },
    async facts(story: Story): Promise<Facts> {
      const { status, access } = await view(story);
      const debits = await books.wallet.query(
        `SELECT count(*)::int AS count FROM transfer t JOIN charge c ON c.id = t.reference
         WHERE t.kind = 'charge' AND c.subscription_id = $1`,
        [story.id],
      );
      const { rows } = await books.subscriptions.query(
        `SELECT bought, period_start, period_end FROM paid_charge WHERE subscription_id = $1 ORDER BY paid_at`,
        [story.id],
      );
      const { body } = await story.person.call('/wallet');
      return {
        ...{ status, access, debits: debits.rows[0].count, balance: body.balances[0]?.amount ?? 0 },
        bought: rows.map(({ bought, period_start, period_end }) => ({
          ...{ what: bought, start: period_start?.toISOString() ?? '', end: period_end?.toISOString() ?? '' },
        })),
      };
    },
    /** What made it move so far, oldest first, and when. */
    async timeline({ person, id }: Story): Promise<{ trigger: string; at: string; to: string }[]> {
      return (await person.call(`/subscriptions/${id}/timeline?limit=100`)).body.data.reverse();
    },
    userIds: () => stories.map(({ person }) => person.id),
    /** Ends every subscription, so that no later clock has to stop for it. */
    async end(): Promise<void> {
      await Promise.all(stories.map((story) => story.command('cancel', { at: 'now' })));
      await advance(operator, { by: 'PT0.001S' });
    },
    close: () => books.close(),
  };
}

export type Stories = Awaited<ReturnType<typeof openStories>>;

export const lengthMs = ({ start, end }: { start: string; end: string }): number =>
  Temporal.Instant.from(start).until(end).total('milliseconds');

export const DAY_MS = 86_400_000;
