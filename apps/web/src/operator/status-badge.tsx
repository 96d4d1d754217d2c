import type { schemas } from '@evergreen/client/generated/api.ts';
import { useTranslation } from 'react-i18next';
import classes from '../customer/status-badge.module.css';
import { TONES } from '../customer/status-badge.tsx';

export type Status = schemas['SubscriptionStatus'];

export const STATUSES: readonly Status[] = [
  'active',
  'trialing',
  'pending_renewal',
  'incomplete',
  'paused',
  'canceled',
  'expired',
];

/** As customers see it, in the words of operators. */
export function StatusBadge({ status }: { status: Status }) {
  const { t } = useTranslation('operator');
  return (
    <span className={classes.badge} data-tone={TONES[status]}>
      {t(`status.${status}`)}
    </span>
  );
}
