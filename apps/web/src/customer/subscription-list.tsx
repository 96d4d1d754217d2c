import { Button, Group, Skeleton, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Layers } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { Amount } from '../components/amount.tsx';
import { Empty } from '../components/empty.tsx';
import rows from '../components/rows.module.css';
import { StatusBadge } from './status-badge.tsx';
import { type Subscription, useIntervalText, useNextText } from './subscription-text.ts';

/** What somebody has, with what comes next; what is over is behind a button. */
export function SubscriptionList({ subscriptions }: { subscriptions: readonly Subscription[] | undefined }) {
  const { t } = useTranslation('customer');
  const [withPast, { open }] = useDisclosure();
  if (!subscriptions) {
    return (
      <Stack gap="sm">
        <Skeleton h={48} />
        <Skeleton h={48} />
      </Stack>
    );
  }
  const live = subscriptions.filter(({ status }) => status !== 'expired');
  const past = subscriptions.filter(({ status }) => status === 'expired');
  return (
    <>
      {live.length === 0 ? (
        <Empty icon={Layers} title={t('home.noSubscriptions')} text={t('home.noSubscriptionsText')}>
          <Button component={Link} to="/plans" variant="light">
            {t('home.seePlans')}
          </Button>
        </Empty>
      ) : null}
      {live.length > 0 || withPast ? (
        <ul className={rows.rows}>
          {[...live, ...(withPast ? past : [])].map((subscription) => (
            <li key={subscription.id}>
              <SubscriptionRow subscription={subscription} />
            </li>
          ))}
        </ul>
      ) : null}
      {past.length > 0 && !withPast ? (
        <Group>
          <Button variant="subtle" size="compact-sm" color="gray" c="dimmed" onClick={open}>
            {t('home.past', { count: past.length })}
          </Button>
        </Group>
      ) : null}
    </>
  );
}

function SubscriptionRow({ subscription }: { subscription: Subscription }) {
  const intervalText = useIntervalText();
  const nextText = useNextText();
  const { id, planName, status, price, interval } = subscription;
  return (
    <Link to={`/subscriptions/${id}`} className={rows.row}>
      <div className={rows.main}>
        <Group gap="sm">
          <span className={rows.name}>{planName}</span>
          <StatusBadge status={status} />
        </Group>
        <Text size="sm" c="dimmed" mt={2}>
          {nextText(subscription)}
        </Text>
      </div>
      <Text ta="right" size="sm">
        <Amount value={price} />{' '}
        <Text span c="dimmed" size="sm" style={{ whiteSpace: 'nowrap' }}>
          {intervalText(interval)}
        </Text>
      </Text>
    </Link>
  );
}
