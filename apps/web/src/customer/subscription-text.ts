import type { schemas } from '@evergreen/client/generated/api.ts';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format.ts';

export type Subscription = schemas['Subscription'];

/** The interval of a price: "a month", "every 3 months". */
export function useIntervalText(): (interval: schemas['Interval']) => string {
  const { t } = useTranslation('customer');
  return ({ unit, count }) => (count === 1 ? t(`per.${unit}`) : t(`every.${unit}`, { count }));
}

/** What comes next for a subscription, in one line. */
export function useNextText(): (subscription: Subscription) => string {
  const { t } = useTranslation('customer');
  const format = useFormat();
  return (subscription) => {
    const { status, price, change, waitingFor, nextRenewalAt, accessUntil, pausedAt, currentPeriod } = subscription;
    const missing = missingOf(subscription);
    switch (status) {
      case 'incomplete':
        return missing ? t('next.incompleteShort', { missing: format.money(missing) }) : t('next.incomplete');
      case 'trialing':
        if (!currentPeriod) return t('next.incomplete');
        return t('next.trialing', { date: format.date(currentPeriod.end), price: format.money(price) });
      case 'active':
        if (change) {
          const plan = change.planName;
          return change.at ? t('next.change', { plan, date: format.date(change.at) }) : t('next.changing', { plan });
        }
        if (!nextRenewalAt || waitingFor) return t('next.pending');
        return t('next.active', { date: format.date(nextRenewalAt), price: format.money(price) });
      case 'pending_renewal':
        return missing ? t('next.pendingShort', { missing: format.money(missing) }) : t('next.pending');
      case 'paused':
        return pausedAt ? t('next.paused', { date: format.date(pausedAt) }) : t('status.paused');
      case 'canceled':
        return accessUntil ? t('next.canceled', { date: format.date(accessUntil) }) : t('next.canceledNow');
      case 'expired':
        return t('next.expired');
    }
  };
}

/** What the balance lacks for this subscription; undefined when it lacks nothing. */
export function missingOf({ waitingFor }: Subscription): schemas['Money'] | undefined {
  if (!waitingFor?.shortfall) return undefined;
  return { amount: waitingFor.shortfall, currency: waitingFor.currency };
}

/** Does it wait for the person to top up? */
export const needsMoney = (subscription: Subscription): boolean =>
  ['incomplete', 'pending_renewal'].includes(subscription.status) && missingOf(subscription) !== undefined;

/** Where to top up exactly what is missing. */
export const topUpPath = ({ amount, currency }: schemas['Money']): string =>
  `/top-up?amount=${amount}&currency=${currency}&for=missing`;
