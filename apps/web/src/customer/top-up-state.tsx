import type { schemas } from '@evergreen/client/generated/api.ts';
import { Button, Card, Group, Loader, Stack, Text, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Check, X } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { useApiQuery } from '../api.ts';
import { Page } from '../components/page.tsx';
import { PageProblem } from '../components/page-problem.tsx';
import { PageSkeleton } from '../components/page-skeleton.tsx';
import { useFormat } from '../format.ts';
import classes from './top-up-state.module.css';

type TopUp = schemas['TopUp'];

/** The socket usually says it first; this is for when it cannot. */
const POLL_MS = 2_000;
const REASONS = ['card_declined', 'expired_card', 'insufficient_funds'] as const;

/** One top-up on its way: what is known of it now, until it is done. */
export function TopUpState() {
  const { t } = useTranslation('customer');
  const { id = '' } = useParams();
  const format = useFormat();
  const queryClient = useQueryClient();
  const topUp = useApiQuery(
    ['wallet', 'top-ups', id],
    (api) => api.GET('/v1/wallet/top-ups/{id}', { params: { path: { id } } }),
    { refetchInterval: ({ state }) => (state.data?.status === 'processing' ? POLL_MS : false) },
  );
  const status = topUp.data?.status;
  useEffect(() => {
    if (status !== 'succeeded') return;
    void queryClient.invalidateQueries({ queryKey: ['wallet', 'balances'] });
    void queryClient.invalidateQueries({ queryKey: ['subscriptions'] });
  }, [status, queryClient]);
  if (topUp.error) return <PageProblem error={topUp.error} onRetry={() => void topUp.refetch()} />;
  if (!topUp.data) return <PageSkeleton />;
  return (
    <Page title={t('topUpState.title', { amount: format.money(topUp.data) })}>
      <Card maw={560} padding="xl">
        <Stack gap="xl">
          <Steps status={topUp.data.status} />
          <Outcome topUp={topUp.data} />
        </Stack>
      </Card>
    </Page>
  );
}

function Steps({ status }: { status: TopUp['status'] }) {
  const { t } = useTranslation('customer');
  const isOver = status !== 'processing';
  const steps = [
    { label: t('topUpState.asked'), state: 'done' },
    { label: t('topUpState.waiting'), state: isOver ? 'done' : 'now' },
    status === 'failed'
      ? { label: t('topUpState.notDone'), state: 'failed' }
      : { label: t('topUpState.done'), state: isOver ? 'done' : 'ahead' },
  ];
  return (
    <ol className={classes.steps}>
      {steps.map(({ label, state }) => (
        <li key={label} className={classes.step} data-state={state} aria-current={state === 'now' ? 'step' : undefined}>
          <span className={classes.dot} aria-hidden>
            {state === 'done' ? <Check size={16} /> : null}
            {state === 'failed' ? <X size={16} /> : null}
            {state === 'now' ? <Loader size={14} /> : null}
          </span>
          {label}
        </li>
      ))}
    </ol>
  );
}

function Outcome({ topUp }: { topUp: TopUp }) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const { status, failure } = topUp;
  const code = REASONS.find((reason) => reason === failure?.code) ?? 'other';
  return (
    <Stack gap="xs" role="status" aria-live="polite" data-status={status}>
      <Title order={2} size="h3">
        {t(`topUpState.${status}`, { amount: format.money(topUp) })}
      </Title>
      {status === 'failed' ? <Text>{t(`failure.${code}`)}</Text> : null}
      <Text c="dimmed">{t(`topUpState.${status}Text`)}</Text>
      {status === 'processing' ? <Seconds /> : null}
      <Group mt="md">
        {status === 'failed' ? (
          <Button component={Link} to={`/top-up?amount=${topUp.amount}&currency=${topUp.currency}`}>
            {t('topUpState.again')}
          </Button>
        ) : null}
        <Button component={Link} to="/" variant={status === 'succeeded' ? 'filled' : 'default'}>
          {t('topUpState.home')}
        </Button>
      </Group>
    </Stack>
  );
}

/** How long somebody has been looking at it: real time, whatever the billing clock says. */
function Seconds() {
  const { t } = useTranslation('customer');
  const [count, setCount] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setCount((seconds) => seconds + 1), 1_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <Text size="sm" c="dimmed" className="num" aria-hidden>
      {t('topUpState.seconds', { count })}
    </Text>
  );
}
