import { Button, Select, Skeleton } from '@mantine/core';
import { CreditCard, Plus } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation } from '../api.ts';
import { Dialog } from '../components/dialog.tsx';
import { Empty } from '../components/empty.tsx';
import { Problem, useProblemToast } from '../components/problem.tsx';
import rows from '../components/rows.module.css';
import { Section } from '../components/section.tsx';
import { useCardName } from './card-name.ts';
import { useSavedMethods, useTestCards } from './queries.ts';

export function PaymentMethods() {
  const { t } = useTranslation('customer');
  const cardName = useCardName();
  const showProblem = useProblemToast();
  const [isAdding, setAdding] = useState(false);
  const saved = useSavedMethods();
  const remove = useApiMutation(
    (api, id: string) => api.DELETE('/v1/wallet/payment-methods/{id}', { params: { path: { id } } }),
    { invalidates: ['payment-methods', 'auto-top-up'] },
  );
  const methods = saved.data?.data;
  return (
    <Section
      title={t('payment.methods')}
      side={
        <Button variant="light" leftSection={<Plus size={16} aria-hidden />} onClick={() => setAdding(true)}>
          {t('payment.add')}
        </Button>
      }
    >
      <Problem error={saved.error} onRetry={() => void saved.refetch()} />
      {saved.isPending ? <Skeleton h={48} /> : null}
      {methods?.length === 0 ? (
        <Empty icon={CreditCard} title={t('payment.noMethods')} text={t('payment.noMethodsText')} />
      ) : null}
      {methods && methods.length > 0 ? (
        <ul className={rows.rows}>
          {methods.map((method) => (
            <li key={method.id} className={rows.row}>
              <span className={rows.name}>{cardName(method)}</span>
              <Button
                variant="subtle"
                size="compact-sm"
                color="gray"
                c="dimmed"
                loading={remove.isPending && remove.variables === method.id}
                onClick={() => remove.mutate(method.id, { onError: showProblem })}
                aria-label={t('payment.removeLabel', { card: cardName(method) })}
              >
                {t('payment.remove')}
              </Button>
            </li>
          ))}
        </ul>
      ) : null}
      <AddMethod opened={isAdding} onClose={() => setAdding(false)} />
    </Section>
  );
}

function AddMethod({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation('customer');
  const cardName = useCardName();
  const cards = useTestCards();
  const [chosen, setChosen] = useState<string | null>(null);
  const options = (cards.data?.data ?? []).map((card) => ({
    value: card.token,
    label: cardName(card, { withBehaviour: true }),
  }));
  const token = chosen ?? options[0]?.value ?? null;
  const add = useApiMutation(
    (api, wanted: string) => api.POST('/v1/wallet/payment-methods', { body: { token: wanted } }),
    { invalidates: ['payment-methods'], onSuccess: onClose },
  );
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('payment.addTitle')}
      confirm={t('payment.add')}
      onConfirm={() => token && add.mutate(token)}
      isPending={add.isPending}
      error={add.error ?? cards.error}
      disabled={!token}
    >
      <Select
        label={t('payment.card')}
        data={options}
        value={token}
        onChange={setChosen}
        allowDeselect={false}
        comboboxProps={{ withinPortal: true }}
      />
    </Dialog>
  );
}
