import type { schemas } from '@evergreen/client/generated/api.ts';
import { Checkbox, Group, Select, SimpleGrid, Switch, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation } from '../api.ts';
import { type Currency, minorDigits, toMajor, toMinor, useFormat } from '../format.ts';
import { CURRENCIES } from './adjust-form.tsx';
import { FormModal } from './form-modal.tsx';
import { NumberField } from './number-field.tsx';
import type { Plan } from './plans.tsx';
import { useRequestKey } from './request-key.ts';

type Unit = Plan['interval']['unit'];
/** In minor units, as the API has it. */
const MAX_PRICE = 1_000_000_000_000;
const UNITS: readonly Unit[] = ['day', 'week', 'month', 'year'];

const NEW = {
  name: '',
  description: '',
  price: '' as number | string,
  currency: 'USD' as Currency,
  unit: 'month' as Unit,
  count: 1 as number | string,
  trialDays: 0 as number | string,
  graceDays: 3 as number | string,
  noticeDays: 3 as number | string,
  accessDuringGrace: false,
  active: true,
  isForAll: false,
};
type Values = typeof NEW;

const valuesOf = ({ price, interval, ...plan }: Plan): Values => ({
  ...NEW,
  ...plan,
  price: toMajor(price),
  currency: price.currency,
  unit: interval.unit,
  count: interval.count,
});

/** What both a new plan and a new version say. */
const termsOf = (values: Values) => ({
  name: values.name.trim(),
  description: values.description.trim(),
  price: { amount: toMinor(Number(values.price), values.currency), currency: values.currency },
  trialDays: Number(values.trialDays),
  graceDays: Number(values.graceDays),
  noticeDays: Number(values.noticeDays),
  accessDuringGrace: values.accessDuringGrace,
});

/** A new plan, or a new version of one: its interval and currency stay what they are. */
export function PlanForm({ plan, onClose }: { plan?: Plan; onClose: () => void }) {
  const { t } = useTranslation('operator');
  const [values, setValues] = useState<Values>(plan ? valuesOf(plan) : NEW);
  const set = (change: Partial<Values>) => setValues((before) => ({ ...before, ...change }));
  const key = useRequestKey(values);
  const sending = useApiMutation<schemas['Plan']>(
    (api) =>
      plan
        ? api.PATCH('/v1/plans/{id}', {
            params: { path: { id: plan.id } },
            body: {
              ...termsOf(values),
              active: values.active,
              appliesTo: values.isForAll ? 'all_subscriptions' : 'new_subscriptions',
            },
          })
        : api.POST('/v1/plans', {
            params: { header: { 'idempotency-key': key } },
            body: { ...termsOf(values), interval: { unit: values.unit, count: Number(values.count) } },
          }),
    { invalidates: ['plans'], onSuccess: onClose },
  );
  return (
    <FormModal
      onClose={onClose}
      title={plan ? t('plans.changeTitle', { name: plan.name }) : t('plans.create')}
      intro={plan ? t('plans.changeIntro') : undefined}
      submit={plan ? t('plans.save') : t('plans.createSubmit')}
      sending={sending}
      onSubmit={() => sending.mutate()}
    >
      <TextInput
        label={t('plans.name')}
        value={values.name}
        onChange={({ currentTarget: { value } }) => set({ name: value })}
        maxLength={80}
        required
        data-autofocus
      />
      <Textarea
        label={t('plans.description')}
        value={values.description}
        onChange={({ currentTarget: { value } }) => set({ description: value })}
        maxLength={500}
        autosize
        minRows={2}
      />
      <PriceFields values={values} set={set} isNew={!plan} />
      <TermFields values={values} set={set} />
      {plan ? (
        <>
          <Switch
            label={t('plans.sold')}
            checked={values.active}
            onChange={({ currentTarget: { checked } }) => set({ active: checked })}
          />
          <Checkbox
            label={t('plans.forAll')}
            description={t('plans.forAllHint')}
            checked={values.isForAll}
            onChange={({ currentTarget: { checked } }) => set({ isForAll: checked })}
          />
        </>
      ) : null}
    </FormModal>
  );
}

interface FieldsProps {
  values: Values;
  set: (change: Partial<Values>) => void;
}

function PriceFields({ values, set, isNew }: FieldsProps & { isNew: boolean }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  return (
    <>
      <Group grow align="flex-start">
        <NumberField
          label={t('subscriptions.price')}
          value={values.price}
          onChange={(price) => set({ price })}
          min={toMajor({ amount: 1, currency: values.currency })}
          max={toMajor({ amount: MAX_PRICE, currency: values.currency })}
          digits={minorDigits(values.currency)}
          show={(bound) => format.money({ amount: toMinor(bound, values.currency), currency: values.currency })}
          hideControls
          required
        />
        <Select
          label={t('adjust.currency')}
          data={[...CURRENCIES]}
          value={values.currency}
          allowDeselect={false}
          disabled={!isNew}
          onChange={(currency) => set({ currency: (currency ?? values.currency) as Currency })}
        />
      </Group>
      <Group grow align="flex-start">
        <NumberField
          label={t('plans.count')}
          value={values.count}
          onChange={(count) => set({ count })}
          min={1}
          max={366}
          disabled={!isNew}
          required
        />
        <Select
          label={t('plans.unit')}
          data={UNITS.map((unit) => ({ value: unit, label: t(`plans.unit.${unit}`) }))}
          value={values.unit}
          allowDeselect={false}
          disabled={!isNew}
          onChange={(unit) => set({ unit: (unit ?? values.unit) as Unit })}
        />
      </Group>
    </>
  );
}

function TermFields({ values, set }: FieldsProps) {
  const { t } = useTranslation('operator');
  const fields = [
    ['trialDays', t('plans.trialDays'), 365],
    ['graceDays', t('plans.graceDays'), 365],
    ['noticeDays', t('plans.noticeDays'), 60],
  ] as const;
  return (
    <>
      <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="md">
        {fields.map(([name, label, max]) => (
          <NumberField
            key={name}
            label={label}
            value={values[name]}
            onChange={(value) => set({ [name]: value })}
            min={0}
            max={max}
            required
          />
        ))}
      </SimpleGrid>
      <Checkbox
        label={t('plans.accessDuringGrace')}
        checked={values.accessDuringGrace}
        onChange={({ currentTarget: { checked } }) => set({ accessDuringGrace: checked })}
      />
    </>
  );
}
