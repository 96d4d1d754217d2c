import { useTranslation } from 'react-i18next';

const BRANDS: Record<string, string> = { visa: 'Visa', mastercard: 'Mastercard' };
const KNOWN = [
  'pm_card_visa',
  'pm_card_mastercard',
  'pm_card_slow',
  'pm_card_declined',
  'pm_card_insufficient_funds',
  'pm_card_expired',
] as const;

interface Card {
  token: string;
  brand: string;
  last4: string;
}

/** "Visa ending in 4242", and for test cards what they do. */
export function useCardName(): (card: Card, options?: { withBehaviour?: boolean }) => string {
  const { t } = useTranslation('customer');
  return ({ token, brand, last4 }, { withBehaviour = false } = {}) => {
    const name = t('payment.cardName', { brand: BRANDS[brand] ?? brand, last4 });
    const known = KNOWN.find((one) => one === token);
    return withBehaviour && known ? `${name} — ${t(`behaviour.${known}`)}` : name;
  };
}
