import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useApiMutation } from '../api.ts';
import { Amount } from '../components/amount.tsx';
import { Facts } from '../components/facts.tsx';
import { Problem } from '../components/problem.tsx';
import { useFormat } from '../format.ts';
import type { Plan } from './plans.tsx';
import { useWallet } from './queries.ts';
import { useIntervalText } from './subscription-text.ts';

interface Props {
  /** The plan to confirm; closed without one. */
  plan: Plan | undefined;
  onClose: () => void;
}

/** What a subscription will cost, before it is made. */
export function Subscribe({ plan, onClose }: Props) {
  const { t } = useTranslation('customer');
  const { t: tShell } = useTranslation();
  const navigate = useNavigate();
  const sending = useApiMutation((api, planId: string) => api.POST('/v1/subscriptions', { body: { planId } }), {
    invalidates: ['subscriptions', 'wallet'],
    onSuccess: ({ id }) => void navigate(`/subscriptions/${id}`),
  });
  const close = () => {
    sending.reset();
    onClose();
  };
  return (
    <Modal
      opened={plan !== undefined}
      onClose={close}
      title={plan ? t('subscribe.title', { plan: plan.name }) : ''}
      closeButtonProps={{ 'aria-label': tShell('action.close') }}
    >
      {plan ? (
        <Stack>
          <Cost plan={plan} />
          <Problem error={sending.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {tShell('action.cancel')}
            </Button>
            {/* Once it is done, the next page is on its way. */}
            <Button onClick={() => sending.mutate(plan.id)} loading={sending.isPending || sending.isSuccess}>
              {t('subscribe.confirm')}
            </Button>
          </Group>
        </Stack>
      ) : null}
    </Modal>
  );
}

function Cost({ plan }: { plan: Plan }) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const intervalText = useIntervalText();
  const wallet = useWallet();
  const { price, interval, trialDays } = plan;
  const { currency } = price;
  const balance = wallet.data?.balances.find((one) => one.currency === currency)?.amount ?? 0;
  const after = balance - price.amount;
  const isTrial = trialDays > 0;
  const missing = format.money({ amount: -after, currency });
  return (
    <>
      <Facts
        items={[
          [t('subscribe.price'), `${format.money(price)} ${intervalText(interval)}`],
          [t('subscribe.balance'), <Amount key="balance" value={{ amount: balance, currency }} />],
          [t('subscribe.after'), after >= 0 && !isTrial ? format.money({ amount: after, currency }) : null],
          [t('subscribe.missing'), after < 0 && !isTrial ? missing : null],
        ]}
      />
      {isTrial ? <Text size="sm">{t('subscribe.trial')}</Text> : null}
      {after < 0 && !isTrial ? <Text size="sm">{t('subscribe.short', { missing })}</Text> : null}
    </>
  );
}
