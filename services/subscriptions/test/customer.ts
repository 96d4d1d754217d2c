import type { Subscription } from '@evergreen/contracts/http/subscriptions.ts';
import { expect } from '@jest/globals';
import { type Asked, type Body, type Replica, type Rig, until } from './rig.ts';
import { failed, succeeded } from './wallet.ts';

/** `duration` later on the calendar of UTC, as the API writes it. */
export const plus = (text: string, duration: Temporal.DurationLike): string =>
  Temporal.Instant.from(text)
    .toZonedDateTimeISO('UTC')
    .add(duration)
    .toInstant()
    .toString({ smallestUnit: 'millisecond' });

export type Customer = ReturnType<typeof newCustomer>;

/** Somebody new, in UTC, with ways to get a subscription into a state. The test is the wallet. */
export function newCustomer(rig: Rig, service: Replica) {
  const user = rig.person({ zoneinfo: 'UTC' });
  const read = (id: string): Promise<Subscription> => service.subscription(user, id);
  const createPlan = (plan: Body = {}): Promise<Body> => service.createPlan(rig.person({ role: 'operator' }), plan);

  /** What the wallet was asked the n-th time, n from 1; and that it was asked no more often. */
  async function asked(id: string, count: number): Promise<Asked> {
    await until(`question ${count} to the wallet`, () => rig.askedAbout(id).length >= count);
    const all = rig.askedAbout(id);
    expect(all).toHaveLength(count);
    return all[count - 1] as Asked;
  }

  async function become(id: string, status: string): Promise<Body> {
    await until(`${id} to be ${status}`, async () => (await read(id)).status === status);
    return read(id);
  }

  async function activeOne(plan: Body = {}): Promise<Body> {
    const { id: planId } = await createPlan(plan);
    const { id } = await service.subscribe(user, planId);
    await rig.say(succeeded(await asked(id, 1)));
    return become(id, 'active');
  }

  return {
    user,
    read,
    createPlan,
    asked,
    become,
    activeOne,
    async pendingOne(plan: Body = {}): Promise<Body> {
      const { id } = await activeOne(plan);
      await rig.moveClock({ months: 1, minutes: 1 });
      await rig.say(failed(await asked(id, 2)));
      return become(id, 'pending_renewal');
    },
    command: (id: string, command: 'cancel' | 'resume' | 'pause', body?: Body) =>
      service.call('POST', `/v1/subscriptions/${id}/${command}`, { ...user, ...(body && { body }) }),
    /** The periods that were paid for, oldest first. */
    async grants(id: string): Promise<{ start: string; end: string; chargeId: string }[]> {
      const { rows } = await rig.pool.query(
        `SELECT charge_id, period_start, period_end FROM paid_charge WHERE subscription_id = $1 AND bought <> 'nothing'
         ORDER BY period_start`,
        [id],
      );
      return rows.map(({ charge_id, period_start, period_end }) => ({
        start: period_start.toISOString(),
        end: period_end.toISOString(),
        chargeId: charge_id,
      }));
    },
    /** The moves so far, oldest first. */
    async timeline(id: string): Promise<string[]> {
      const { body } = await service.call('GET', `/v1/subscriptions/${id}/timeline?limit=100`, user);
      return body.data.map(({ trigger, from, to }: Body) => `${trigger}: ${from} -> ${to}`).reverse();
    },
  };
}
