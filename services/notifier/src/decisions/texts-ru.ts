import type { Texts } from './texts.ts';

/** Why the payment gateway declined, by its code. What is not here needs no words of its own. */
const REASONS: Record<string, string> = {
  card_declined: 'карта отклонена',
  expired_card: 'срок действия карты истёк',
  insufficient_funds: 'на карте недостаточно средств',
};

const purposeOf = ({ planName, upgrade }: { planName: string; upgrade: boolean }): string =>
  upgrade ? `Переход на «${planName}»` : `Подписка «${planName}»`;

export const RU: Texts = {
  payment_succeeded: {
    top_up: ({ amount, currency, balanceAfter }, { money }) => ({
      title: 'Баланс пополнен',
      body: `Зачислено ${money(amount, currency)}. На балансе ${money(balanceAfter, currency)}.`,
    }),
    charge: ({ amount, currency, balanceAfter, ...plan }, { money }) => ({
      title: 'Платёж прошёл',
      body: `${purposeOf(plan)}: списано ${money(amount, currency)}. На балансе ${money(balanceAfter, currency)}.`,
    }),
  },
  charge_failed: {
    top_up: ({ amount, currency, reason }, { money }) => ({
      title: 'Баланс не пополнен',
      body:
        `Зачислить ${money(amount, currency)} не удалось: ${REASONS[reason] ?? 'платёж отклонён'}. ` +
        'Деньги не списаны.',
    }),
    charge: ({ amount, currency, shortfall, awaitingFunds, ...plan }, { money }) => ({
      title: 'Недостаточно средств на балансе',
      body:
        `${purposeOf(plan)}: не удалось списать ${money(amount, currency)}, не хватает ${money(shortfall, currency)}. ` +
        (awaitingFunds
          ? 'Платёж пройдёт, как только вы пополните баланс.'
          : 'Деньги не списаны, тариф остался прежним. Чтобы сменить его, сначала пополните баланс.'),
    }),
  },
  expiry_notice: {
    expired: ({ planName, endedAt }, { date }) => ({
      title: 'Подписка закончилась',
      body: endedAt
        ? `Подписка «${planName}» закончилась ${date(endedAt)}.`
        : `Подписка «${planName}» не была оплачена вовремя и не началась. Деньги не списаны.`,
    }),
    canceled: ({ planName, accessUntil }, { date }) => ({
      title: 'Автопродление выключено',
      body: accessUntil
        ? `Подписка «${planName}» действует до ${date(accessUntil)} и после этого не продлится.`
        : `Подписка «${planName}» не продлится.`,
    }),
    renewal: ({ planName, endsAt, amountDue, nextPlanName }, { ahead, date, money }) => {
      const price = amountDue ? `, с баланса спишется ${money(amountDue.amount, amountDue.currency)}` : '';
      const what =
        nextPlanName === null
          ? `Подписка «${planName}» продлится ${date(endsAt)}`
          : `${date(endsAt)} вместо подписки «${planName}» начнётся «${nextPlanName}»`;
      return { title: `Продление ${ahead(endsAt)}`, body: `${what}${price}.` };
    },
    trial_end: ({ planName, endsAt, amountDue, nextPlanName }, { ahead, date, money }) => {
      const plan = nextPlanName === null ? '' : ` за подписку «${nextPlanName}»`;
      const then = amountDue ? `, затем спишется ${money(amountDue.amount, amountDue.currency)}${plan}` : '';
      const body = `Пробный период подписки «${planName}» закончится ${date(endsAt)}${then}.`;
      return { title: `Пробный период закончится ${ahead(endsAt)}`, body };
    },
    expiry: ({ planName, endsAt }, { ahead, date }) => ({
      title: `Подписка закончится ${ahead(endsAt)}`,
      body: `Подписка «${planName}» закончится ${date(endsAt)} и не продлится.`,
    }),
    grace: ({ planName, endsAt, missing }, { date, money }) => {
      const state = missing
        ? `Чтобы продлить подписку «${planName}», не хватает ${money(missing.amount, missing.currency)}`
        : `Подписка «${planName}» ещё не продлена`;
      return {
        title: 'Пополните баланс, чтобы сохранить подписку',
        body: `${state}. Пополните баланс до ${date(endsAt)}.`,
      };
    },
  },
};
