import type { schemas } from '@evergreen/client/generated/api.ts';
import { useTranslation } from 'react-i18next';
import classes from './status-badge.module.css';

/** How good each state is, as its colour says. */
export const TONES: Record<schemas['SubscriptionStatus'], 'good' | 'warning' | 'quiet'> = {
  active: 'good',
  trialing: 'good',
  incomplete: 'warning',
  pending_renewal: 'warning',
  paused: 'quiet',
  canceled: 'quiet',
  expired: 'quiet',
};

export function StatusBadge({ status }: { status: schemas['SubscriptionStatus'] }) {
  const { t } = useTranslation('customer');
  return (
    <span className={classes.badge} data-tone={TONES[status]}>
      {t(`status.${status}`)}
    </span>
  );
}
