import type { NotificationPreferences } from '@evergreen/contracts/http/notifications.ts';
import type { Fact } from './facts.ts';
import { reachOf } from './preferences.ts';

/** What is known of a mailbox while its lock is held. */
export interface MailboxState {
  version: number;
  unreadCount: number;
  /** What its user has ever chosen to hear of. */
  chosen: Partial<NotificationPreferences> | null;
}

/** A fact with its place in the mailbox of its user. */
export interface Entry<F, M> {
  fact: F;
  mailbox: M;
  seq: number;
  /** How many are unread once this one is in. */
  unreadCount: number;
  /** Is it to be shown on open pages as it comes? */
  live: boolean;
}

/**
 * Gives facts their places, in the order they came. Dropped is what is not newer than something told of the same
 * subject: the same fact said again, and one that was overtaken, so that nobody reads "your balance is too low" after "paid".
 * A fact of a type its user does not want gets no place, and counts as told.
 * @param told the newest version told so far, by subject
 * @param mailboxes by user
 */
export function enterFacts<F extends Pick<Fact, 'userId' | 'subject' | 'type'>, M extends MailboxState>(
  facts: readonly F[],
  told: ReadonlyMap<string, number>,
  mailboxes: ReadonlyMap<string, M>,
): { entries: Entry<F, M>[]; muted: F[] } {
  const newest = new Map(told);
  const added = new Map<string, number>();
  const entries: Entry<F, M>[] = [];
  const muted: F[] = [];
  for (const fact of facts) {
    const { userId, subject } = fact;
    if (subject.version <= (newest.get(subject.id) ?? 0)) continue;
    const mailbox = mailboxes.get(userId);
    if (!mailbox) throw new Error(`the mailbox of ${userId} is not locked`);
    newest.set(subject.id, subject.version);
    const reach = reachOf(fact.type, mailbox.chosen);
    if (reach === 'muted') {
      muted.push(fact);
      continue;
    }
    const place = (added.get(userId) ?? 0) + 1;
    added.set(userId, place);
    entries.push({
      fact,
      mailbox,
      seq: mailbox.version + place,
      unreadCount: mailbox.unreadCount + place,
      live: reach === 'live',
    });
  }
  return { entries, muted };
}
