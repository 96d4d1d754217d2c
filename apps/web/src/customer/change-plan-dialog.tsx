import type { schemas } from '@evergreen/client/generated/api.ts';
import { Select, Skeleton, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation, useApiQuery } from '../api.ts';
import { Amount } from '../components/amount.tsx';
import { Dialog } from '../components/dialog.tsx';
import { Problem } from '../components/problem.tsx';
import rows from '../components/rows.module.css';
import { useFormat } from '../format.ts';
import { usePlans } from './queries.ts';
import { type Subscription, useIntervalText } from './subscription-text.ts';

interface Props {
  subscription: Subscription;
  opened: boolean;
  onClose: () => void;
}

/** Chooses another plan, and shows the arithmetic of it before it is done. */
export function ChangePlanDialog({ subscription, opened, onClose }: Props) {
  const { t } = useTranslation('customer');
  const { id } = subscription;
  const format = useFormat();
  const intervalText = useIntervalText();
  const plans = usePlans();
  const [planId, setPlanId] = useState<string | null>(null);
  const sending = useApiMutation(
    (api, wanted: string) =>
      api.POST('/v1/subscriptions/{id}/change-plan', { params: { path: { id } }, body: { planId: wanted } }),
    { invalidates: ['subscriptions', 'wallet'], onSuccess: onClose },
  );
  const preview = useApiQuery(
    ['change-plan-preview', id, planId, subscription.version],
    (api) =>
      api.GET('/v1/subscriptions/{id}/change-plan-preview', {
        params: { path: { id }, query: { planId: planId ?? '' } },
      }),
    // While the change is made, and after it, there is nothing to ask any more.
    { enabled: opened && planId !== null && planId !== subscription.planId && !sending.isPending, staleTime: 0 },
  );
  const others = plans.data?.data.filter(
    (plan) => plan.id !== subscription.planId && plan.price.currency === subscription.price.currency,
  );
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('change.title')}
      confirm={t('change.confirm')}
      onConfirm={() => planId && sending.mutate(planId)}
      isPending={sending.isPending}
      error={sending.error ?? plans.error}
      disabled={!preview.data}
    >
      {others?.length === 0 ? <Text>{t('change.noOthers')}</Text> : null}
      <Select
        label={t('change.to')}
        placeholder={t('change.choose')}
        data={(others ?? []).map(({ id: value, name, price, interval }) => ({
          value,
          label: `${name} — ${format.money(price)} ${intervalText(interval)}`,
        }))}
        value={planId}
        onChange={setPlanId}
        comboboxProps={{ withinPortal: true }}
      />
      {planId && preview.isPending ? <Skeleton h={150} /> : null}
      <Problem error={preview.error} />
      {preview.data ? <Arithmetic preview={preview.data} /> : null}
    </Dialog>
  );
}

function Arithmetic({ preview }: { preview: schemas['ChangePlanPreview'] }) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const { applies, appliesAt, lines, dueNow, nextRenewal, from, to } = preview;
  return (
    <Stack gap="sm">
      <Text fw={600}>{applies === 'now' ? t('change.now') : t('change.later', { date: format.date(appliesAt) })}</Text>
      <ul className={rows.rows}>
        {lines.map((line) => {
          const plan = line.kind === 'new_plan' ? to.planName : from.planName;
          const period = format.dates({ start: line.from, end: line.to });
          return (
            <li key={`${line.kind} ${line.from} ${line.amount}`} className={rows.row}>
              <div className={rows.main}>
                <Text size="sm">{t(`change.line.${line.kind}`, { plan, period })}</Text>
                <Text size="xs" c="dimmed" className="num">
                  {t('change.share', {
                    percent: format.percent(line.partMs / line.wholeMs, 3),
                    price: format.money(line.price),
                  })}
                </Text>
              </div>
              <Amount value={{ amount: line.amount, currency: dueNow.currency }} signed />
            </li>
          );
        })}
        <li className={rows.row}>
          <Text fw={600}>{dueNow.amount > 0 ? t('change.dueNow') : t('change.nothingNow')}</Text>
          {dueNow.amount > 0 ? (
            <Text fw={600}>
              <Amount value={dueNow} />
            </Text>
          ) : null}
        </li>
        <li className={rows.row}>
          <Text size="sm" c="dimmed">
            {t('change.nextRenewal', { date: format.date(nextRenewal.at) })}
          </Text>
          <Amount value={nextRenewal.amount} />
        </li>
      </ul>
    </Stack>
  );
}
