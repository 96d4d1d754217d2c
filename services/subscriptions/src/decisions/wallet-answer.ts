import { chargeId, upgradeChargeId } from './charge-id.ts';
import { later } from './periods.ts';
import type { Subscription } from './subscription.ts';
import type { Trigger } from './triggers.ts';

/** What the wallet says of a charge. `at` is when it came to be so, in business time. */
interface Said {
  readonly chargeId: string;
  readonly subscriptionId: string;
  readonly periodStart: Temporal.Instant;
  readonly amountMinor: number;
  readonly currency: string;
  /** Grows with every change of the charge. */
  readonly version: number;
  readonly at: Temporal.Instant;
}

export type WalletAnswer = Said &
  (
    | { readonly outcome: 'paid' }
    | { readonly outcome: 'short'; readonly shortfallMinor: number; readonly awaitingFunds: boolean }
    | { readonly outcome: 'voided' }
  );

/** The wallet speaks of a charge we never asked for, or took money that buys nothing. Never to be passed over. */
export class UnexpectedAnswer extends Error {
  override name = 'UnexpectedAnswer';
}

/**
 * What an answer means for the subscription now, or null when it is old news: said again, overtaken by a newer answer,
 * or about a charge that is settled already.
 * @param now the move is made now and not before: a payment opens access when we hear of it, however long ago it was made
 * @param settled ids of charges of which it is known what the money bought
 * @throws UnexpectedAnswer
 */
export function triggerOf(
  answer: WalletAnswer,
  subscription: Subscription | undefined,
  settled: ReadonlySet<string>,
  now: Temporal.Instant,
): Trigger | null {
  if (!subscription || !isOurs(answer, subscription.id)) {
    throw new UnexpectedAnswer(`charge ${answer.chargeId} was never asked for`);
  }
  const { charge } = subscription;
  if (charge?.id !== answer.chargeId) {
    if (answer.outcome !== 'paid' || settled.has(answer.chargeId)) return null;
    throw new UnexpectedAnswer(`charge ${answer.chargeId} was paid, and buys nothing`);
  }
  // Money counts whatever came before it: a paid charge stays paid.
  if (answer.outcome !== 'paid' && answer.version <= charge.version) return null;
  const isAsAsked = answer.amountMinor === charge.amountMinor && answer.currency === subscription.terms.price.currency;
  if (answer.outcome === 'paid' && !isAsAsked) {
    throw new UnexpectedAnswer(`charge ${charge.id} was asked for with another amount`);
  }
  // The clocks of the wallet, of who asked and of this replica may be a moment apart, and nothing is answered before it was asked.
  const at = later(later(answer.at, charge.askedAt), now);
  const chargeVersion = answer.version;
  if (answer.outcome === 'paid') return { name: 'paid', at, chargeVersion };
  if (answer.outcome === 'voided' || !answer.awaitingFunds) return { name: 'voided', at, chargeVersion };
  return { name: 'short', at, chargeVersion, shortfallMinor: answer.shortfallMinor };
}

const isOurs = ({ chargeId: id, periodStart }: Said, subscriptionId: string): boolean =>
  id === chargeId(subscriptionId, periodStart) || id === upgradeChargeId(subscriptionId, periodStart);
