import type { Subscription, SubscriptionStatus } from '@evergreen/contracts/http/subscriptions.ts';
import { expect } from '@jest/globals';
import fc from 'fast-check';
import {
  expectAccessAsPaid,
  expectByTime,
  expectStillShort,
  expectUntouched,
  isWaiting,
  type Life,
  type Model,
} from './life-model.ts';
import { look, settle, type World } from './life-world.ts';

export type LifeCommand = fc.AsyncCommand<Model, World>;

/** Which subscription a command is about: of the user's, mostly of those that are not over. */
export type Pick = number;

function pickLife({ lives }: Model, pick: Pick): Life | undefined {
  const living = lives.filter(({ seen }) => seen.status !== 'expired');
  const among = pick % 8 === 0 || living.length === 0 ? lives : living;
  return among[Math.floor(pick / 8) % among.length];
}

/** Looks at everything once it has settled, and holds it against what the model says. */
export async function expectSound(
  model: Model,
  world: World,
  spoken: { target?: Life; become?: readonly SubscriptionStatus[]; byTime?: boolean } = {},
): Promise<void> {
  if (!spoken.byTime) await settle(world);
  const was = model.last;
  const is = await look(world);
  for (const life of model.lives) {
    const before = life.seen;
    const seen = is.subscriptions.get(life.id);
    if (!seen) throw new Error(`subscription ${life.id} is gone`);
    life.seen = seen;
    life.plans.add(seen.planId);
    if (spoken.byTime) expectByTime(life, before, model, was, is);
    else if (life === spoken.target) expectBecome(life, before, spoken.become ?? [before.status]);
    else expectUntouched(life, before, is);
    life.waitsSince = seen.status === 'incomplete' ? (life.waitsSince ?? is.now) : null;
    if (isWaiting(life)) expectStillShort(life, is);
    expectAccessAsPaid(life, world.plans, is);
  }
  model.last = is;
}

function expectBecome({ id, seen }: Life, before: Subscription, become: readonly SubscriptionStatus[]): void {
  const facts = { id, before: before.status, after: seen.status };
  expect({ ...facts, expected: become.includes(seen.status) ? seen.status : become }).toEqual({
    ...facts,
    expected: seen.status,
  });
}

export const balanceOf = (model: Model, user: number): number => model.last.balances[user] ?? 0;
export const atIndex = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

/** A command as one reads it in the report of a failure. */
export const command = (
  name: string,
  run: (model: Model, world: World) => Promise<void>,
  check: (model: Readonly<Model>) => boolean = () => true,
): LifeCommand => ({ check, run, toString: () => name, [fc.toStringMethod]: () => name }) as LifeCommand;

export const aboutLife = (name: string, pick: Pick, run: (life: Life, model: Model, world: World) => Promise<void>) =>
  command(
    `${name} #${pick}`,
    async (model, world) => {
      const life = pickLife(model, pick);
      if (life) await run(life, model, world);
    },
    (model) => pickLife(model, pick) !== undefined,
  );
