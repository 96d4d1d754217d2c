import type { Explanation } from '@evergreen/contracts/http/wallet.ts';

export type Attempt = Explanation['attempts'][number];

/**
 * What was tried at the payment gateway, in sentences: first the calls that were made, by what came of them in the order in
 * which each first happened, then those that were not. None when nothing was tried.
 */
export function attemptSentences(attempts: readonly Attempt[]): string[] {
  const made = attempts.filter(({ outcome }) => !(outcome in NOT_MADE));
  return [...madeSentence(made), ...notMadeSentences(attempts)];
}

function madeSentence(made: readonly Attempt[]): string[] {
  const [first] = made;
  if (!first) return [];
  const toAsk = 'to ask what had become of the payment';
  if (made.length === 1) {
    return [
      `The payment gateway was called once${first.operation === 'look_up' ? `, ${toAsk}` : ''}; ${phraseOf(first)}.`,
    ];
  }
  const lookUps = made.filter(({ operation }) => operation === 'look_up').length;
  const phrases = counted(made.map(phraseOf)).map(([phrase, count]) => `${phrase} ${times(count)}`);
  const ofThem = lookUps === 0 ? '' : `, ${lookUps} of them ${toAsk}`;
  return [`The payment gateway was called ${times(made.length)}${ofThem}: ${phrases.join('; ')}.`];
}

function phraseOf({ operation, outcome }: Attempt): string {
  const isRefund = operation === 'refund';
  switch (outcome) {
    case 'succeeded':
      return isRefund ? 'it said that the money was given back' : 'it said that the payment was captured';
    case 'declined':
      return isRefund ? 'it refused to give the money back' : 'it declined the payment';
    case 'not_found':
      return isRefund ? 'it knew of no such payment' : 'it knew of no payment yet';
    case 'timeout':
    case 'connection_lost':
      return 'its answer was lost';
    case 'interrupted':
      return 'the call was cut short, because this service was stopping,';
    default:
      return outcome.startsWith('http_') ? `it answered with error ${outcome.slice(5)}` : `the outcome was ${outcome}`;
  }
}

const NOT_MADE: Record<string, string> = {
  breaker_open: 'because the payment gateway had failed too often just before',
  bulkhead_full: 'because too many other payments were under way',
};

function notMadeSentences(attempts: readonly Attempt[]): string[] {
  const reasons = attempts.map(({ outcome }) => NOT_MADE[outcome]).filter((reason) => reason !== undefined);
  return counted(reasons).map(([reason, count]) => `A call was put off ${times(count)}, ${reason}.`);
}

function counted(phrases: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const phrase of phrases) counts.set(phrase, (counts.get(phrase) ?? 0) + 1);
  return [...counts];
}

const times = (count: number): string => (count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`);
