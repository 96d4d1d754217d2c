import type { schemas } from '@evergreen/client/generated/api.ts';
import { Button, Card, Group, SimpleGrid, Skeleton, Stack, Text, Title } from '@mantine/core';
import { Check, Layers } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { Amount } from '../components/amount.tsx';
import { Empty } from '../components/empty.tsx';
import { Page } from '../components/page.tsx';
import { Problem } from '../components/problem.tsx';
import classes from './plans.module.css';
import { usePlans, useSubscriptions } from './queries.ts';
import { Subscribe } from './subscribe.tsx';
import { useIntervalText } from './subscription-text.ts';

export type Plan = schemas['Plan'];

const DAYS = { day: 1, week: 7, month: 30.4, year: 365.25 } as const;
const lengthOf = ({ interval }: Plan): number => DAYS[interval.unit] * interval.count;

export function Plans() {
  const { t } = useTranslation('customer');
  const plans = usePlans();
  const subscriptions = useSubscriptions();
  const [chosen, setChosen] = useState<Plan>();
  const all = plans.data?.data.toSorted((one, other) => lengthOf(one) - lengthOf(other));
  const held = new Map(
    subscriptions.data?.data.filter(({ status }) => status !== 'expired').map(({ planId, id }) => [planId, id]),
  );
  return (
    <Page title={t('plans.title')} intro={t('plans.intro')}>
      <Problem error={plans.error} onRetry={() => void plans.refetch()} />
      {all?.length === 0 ? <Empty icon={Layers} title={t('plans.none')} /> : null}
      <SimpleGrid cols={{ base: 1, xs: 2, lg: all?.length === 4 ? 4 : 3 }} spacing="lg">
        {plans.isPending ? [1, 2, 3].map((key) => <Skeleton key={key} h={260} radius="lg" />) : null}
        {all?.map((plan) => (
          <PlanCard key={plan.id} plan={plan} subscriptionId={held.get(plan.id)} onChoose={() => setChosen(plan)} />
        ))}
      </SimpleGrid>
      <Subscribe plan={chosen} onClose={() => setChosen(undefined)} />
    </Page>
  );
}

interface CardProps {
  plan: Plan;
  subscriptionId: string | undefined;
  onChoose: () => void;
}

function PlanCard({ plan, subscriptionId, onChoose }: CardProps) {
  const { t } = useTranslation('customer');
  const intervalText = useIntervalText();
  const { name, description, price, interval, trialDays, graceDays, accessDuringGrace } = plan;
  const points = [
    trialDays > 0 ? t('plans.trial', { count: trialDays }) : undefined,
    graceDays > 0 ? t('plans.grace', { count: graceDays }) : t('plans.noGrace'),
    graceDays > 0 && accessDuringGrace ? t('plans.graceAccess') : undefined,
  ].filter((point) => point !== undefined);
  return (
    <Card component="article" aria-label={name} data-held={subscriptionId !== undefined} className={classes.plan ?? ''}>
      <Stack gap="md" h="100%">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {name}
          </Title>
          {subscriptionId ? <span className={classes.yours}>{t('plans.yours')}</span> : null}
        </Group>
        <Group gap={6} align="baseline">
          <Text fz={28} fw={620} lts="-0.02em">
            <Amount value={price} />
          </Text>
          <Text c="dimmed">{intervalText(interval)}</Text>
        </Group>
        {description ? <Text size="sm">{description}</Text> : null}
        <ul className={classes.points}>
          {points.map((point) => (
            <li key={point}>
              <Check size={15} aria-hidden />
              {point}
            </li>
          ))}
        </ul>
        {subscriptionId ? (
          <Button component={Link} to={`/subscriptions/${subscriptionId}`} variant="default" mt="auto">
            {t('plans.see')}
          </Button>
        ) : (
          <Button mt="auto" onClick={onChoose} aria-label={t('plans.subscribeTo', { plan: name })}>
            {t('plans.subscribe')}
          </Button>
        )}
      </Stack>
    </Card>
  );
}
