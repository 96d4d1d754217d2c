import { Layers } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useApiPages } from '../api.ts';
import { Amount } from '../components/amount.tsx';
import { Empty } from '../components/empty.tsx';
import { useFormat } from '../format.ts';
import { DataTable, moreOf } from './data-table.tsx';
import { Dialog } from './dialog.tsx';
import type { Plan } from './plans.tsx';

/** What was sold under the name of a plan, since when, and to whom it applied. */
export function PlanVersions({ plan, onClose }: { plan: Plan; onClose: () => void }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const versions = useApiPages(['plans', plan.id, 'versions', plan.version], (api, cursor) =>
    api.GET('/v1/plans/{id}/versions', { params: { path: { id: plan.id }, query: { ...(cursor && { cursor }) } } }),
  );
  return (
    <Dialog title={t('plans.versionsOf', { name: plan.name })} onClose={onClose} size="lg">
      <DataTable
        label={t('plans.versionsOf', { name: plan.name })}
        rows={versions.items}
        keyOf={({ version }) => String(version)}
        error={versions.error}
        more={moreOf(versions)}
        empty={<Empty icon={Layers} title={t('plans.none')} />}
        columns={[
          { key: 'version', label: t('plans.version'), cell: ({ version }) => t('plans.versionNumber', { version }) },
          { key: 'price', label: t('subscriptions.price'), right: true, cell: ({ price }) => <Amount value={price} /> },
          {
            key: 'applies',
            label: t('plans.appliesTo'),
            // With the first one there was nobody whom it could have left out.
            cell: ({ version, appliesTo }) => (version === 1 ? '–' : t(`plans.${appliesTo}`)),
          },
          {
            key: 'since',
            label: t('plans.since'),
            right: true,
            wide: true,
            cell: ({ createdAt }) => format.dateTime(createdAt),
          },
        ]}
      />
    </Dialog>
  );
}
