import type { DeadLetter } from '@evergreen/contracts/http/dead-letters.ts';
import { MAX_MESSAGE_BYTES, RETRY_DELAYS_MS } from '@evergreen/contracts/topology.ts';
import type { ConsumeMessage } from 'amqplib';
import { brokersWord, failedAttempts, publishedKey, redrivesOf } from './dead-letter.ts';
import { HIDDEN, hideSecretText } from './secrets.ts';

const MAX_BODY_LENGTH = 2_000;
/** Fields that hold secrets wherever such things are named so. No event of ours has one; what is dead may be anything. */
const SECRET_FIELD =
  /pass(word|phrase)|secret|token|credential|authorization|cookie|api.?key|private.?key|card|cvc|iban/i;

/** A message of a dead-letter queue as an operator may see it. `queue` is the one it came from. */
export function viewDeadLetter(queue: string, message: ConsumeMessage): DeadLetter {
  const { properties, content } = message;
  const headers = properties.headers ?? {};
  const broker = brokersWord(message);
  const type: unknown = properties.type ?? publishedKey(message, queue);
  const diedAt = new Date(String(headers['x-dead-at']));
  const isExhausted = headers['x-dead-reason'] === 'attempts_exhausted';
  return {
    id: textOrNull(properties.messageId),
    type: textOrNull(type),
    deadAt: (Number.isNaN(diedAt.getTime()) ? broker.at : diedAt)?.toISOString() ?? null,
    reason: textOrNull(headers['x-dead-reason']) ?? broker.reason ?? 'unknown',
    detail: hideSecrets(textOrNull(headers['x-dead-detail'])),
    attempts: isExhausted ? RETRY_DELAYS_MS.length + 1 : failedAttempts(message),
    redrives: redrivesOf(message),
    bytes: content.byteLength,
    body: bodyOf(content),
  };
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** A pattern may take long over a long text, so only what may be shown is looked at, and as much again for a secret that ends there. */
const hideSecrets = (text: string | null): string | null =>
  text === null ? null : hideSecretText(text.slice(0, 2 * MAX_BODY_LENGTH));

/** What is no JSON object could be anything, and is not shown. */
function bodyOf(content: Buffer): string | null {
  if (content.byteLength > MAX_MESSAGE_BYTES) return null;
  try {
    const body: unknown = JSON.parse(content.toString());
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return null;
    const shown = JSON.stringify(
      body,
      (name, value: unknown) => {
        if (SECRET_FIELD.test(name)) return HIDDEN;
        return typeof value === 'string' ? hideSecrets(value) : value;
      },
      2,
    );
    return shown.slice(0, MAX_BODY_LENGTH);
  } catch {
    return null;
  }
}
