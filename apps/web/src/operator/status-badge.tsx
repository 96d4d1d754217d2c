import type { schemas } from '@evergreen/client/generated/api.ts';
import { Badge } from '@mantine/core';
import { useTranslation } from 'react-i18next';

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

const COLORS: Record<Status, string> = {
  active: 'green',
  trialing: 'blue',
  pending_renewal: 'orange',
  incomplete: 'yellow',
  paused: 'gray',
  canceled: 'gray',
  expired: 'gray',
};

export function StatusBadge({ status }: { status: Status }) {
  const { t } = useTranslation('operator');
  return (
    <Badge variant="light" color={COLORS[status]} tt="none" fw={550} radius="sm" autoContrast>
      {t(`status.${status}`)}
    </Badge>
  );
}
