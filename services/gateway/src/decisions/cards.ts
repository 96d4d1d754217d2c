import type { PaymentMethod } from '@evergreen/contracts/http/gateway.ts';

interface Card extends PaymentMethod {
  /** Set on a card that is always refused, and the reason. */
  declineCode?: string;
  /** Added to the latency of every attempt. */
  slowMs?: number;
}

/** The test cards. There is no card data, only tokens, so nothing here can ever move real money. */
export const CARDS: readonly Card[] = [
  { token: 'pm_card_visa', brand: 'visa', last4: '4242', behaviour: 'Pays' },
  { token: 'pm_card_mastercard', brand: 'mastercard', last4: '4444', behaviour: 'Pays' },
  { token: 'pm_card_slow', brand: 'visa', last4: '3220', behaviour: 'Pays after about five seconds', slowMs: 5_000 },
  {
    token: 'pm_card_declined',
    brand: 'visa',
    last4: '0002',
    behaviour: 'Is always declined',
    declineCode: 'card_declined',
  },
  {
    token: 'pm_card_insufficient_funds',
    brand: 'visa',
    last4: '9995',
    behaviour: 'Is declined for lack of funds',
    declineCode: 'insufficient_funds',
  },
  {
    token: 'pm_card_expired',
    brand: 'mastercard',
    last4: '0069',
    behaviour: 'Is declined because it has expired',
    declineCode: 'expired_card',
  },
];

export const findCard = (token: string): Card | undefined => CARDS.find((card) => card.token === token);

export type Verdict = { status: 'succeeded' } | { status: 'declined'; declineCode: string };

/** What the issuer of a card says. A card's own reason goes before the refusal that chance decided. */
export function verdictOn(card: Card, declinedByChance: boolean): Verdict {
  if (card.declineCode) return { status: 'declined', declineCode: card.declineCode };
  if (declinedByChance) return { status: 'declined', declineCode: 'card_declined' };
  return { status: 'succeeded' };
}
