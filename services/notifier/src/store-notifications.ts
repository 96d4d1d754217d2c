import type { Envelope } from '@evergreen/contracts/envelope.ts';
import { NotificationCreated } from '@evergreen/contracts/events/notifier.ts';
import { type Clock, iso } from '@evergreen/service-kit/clock.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { claimInbox } from '@evergreen/service-kit/inbox.ts';
import { appendToOutbox } from '@evergreen/service-kit/outbox.ts';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { type Entry, enterFacts, type MailboxState } from './decisions/entries.ts';
import { type Fact, factOf } from './decisions/facts.ts';
import { toNotification } from './decisions/notification.ts';
import { ANYONE, type Writer, writerFor } from './decisions/texts.ts';
import { insertMutedFacts } from './sql/insert-muted-facts.ts';
import { insertNotifications } from './sql/insert-notifications.ts';
import { lockMailboxes } from './sql/lock-mailboxes.ts';
import { type MailboxRow, readMailboxes } from './sql/read-mailboxes.ts';
import { readTold, type ToldRow } from './sql/read-told.ts';

export interface StoreDeps {
  pool: pg.Pool;
  clock: Clock;
  wakeOutbox: () => void;
}

/** A fact and the event that told it. */
type HeardFact = Fact & { event: Envelope };

/**
 * Turns events into notifications: a batch is one transaction of inbox, notifications and what the sockets are told.
 * Events may come in any order and more than once; each fact becomes one notification, unless its user wants none of
 * its type.
 */
export async function storeNotifications(deps: StoreDeps, consumer: string, events: Envelope[]): Promise<void> {
  const heard = events.flatMap(toHeardFact);
  // Events that mean nothing to anybody have no effect that would have to happen once.
  if (heard.length === 0) return;
  const time = iso(await deps.clock.now());
  const stored = await inTransaction(deps.pool, async (client) => {
    const fresh = await claimInbox(
      client,
      consumer,
      heard.map(({ event }) => event.id),
    );
    const facts = heard.filter(({ event }) => fresh.has(event.id));
    if (facts.length === 0) return 0;
    const mailboxes = await openMailboxes(client, facts);
    const { rows: told } = await client.query<ToldRow>(readTold(facts.map(({ subject }) => subject.id)));
    const versions = new Map(told.map((row) => [row.subjectId, row.version]));
    const { entries, muted } = enterFacts(facts, versions, mailboxes);
    if (entries.length > 0) await storeEntries(client, entries, time);
    if (muted.length > 0) {
      await client.query(
        insertMutedFacts(muted.map(({ subject: { id, version } }) => ({ subject_id: id, subject_version: version }))),
      );
    }
    return entries.length;
  });
  if (stored > 0) deps.wakeOutbox();
}

function toHeardFact(event: Envelope): HeardFact[] {
  const fact = factOf(event);
  return fact ? [{ ...fact, event }] : [];
}

type OpenMailbox = MailboxState & { writer: Writer };

/** Locks the mailboxes the facts go into, and reads where they stand. */
async function openMailboxes(client: pg.PoolClient, facts: Fact[]): Promise<Map<string, OpenMailbox>> {
  const userIds = [...new Set(facts.map(({ userId }) => userId))];
  await client.query(lockMailboxes(userIds));
  const { rows } = await client.query<MailboxRow>(readMailboxes(userIds));
  return new Map(
    rows.map(({ userId, version, unreadCount, locale, timeZone, chosen }) => {
      const reader = locale !== null && timeZone !== null ? { locale, timeZone } : ANYONE;
      return [userId, { version, unreadCount, chosen, writer: writerFor(reader) }];
    }),
  );
}

async function storeEntries(
  client: pg.PoolClient,
  entries: Entry<HeardFact, OpenMailbox>[],
  time: string,
): Promise<void> {
  const notifications = entries.map((entry) => ({ id: uuidv7(), ...entry }));
  await client.query(
    insertNotifications(
      notifications.map(({ id, seq, fact, live }) => ({
        id,
        user_id: fact.userId,
        seq,
        type: fact.type,
        kind: fact.kind,
        data: fact.data,
        live,
        subject_id: fact.subject.id,
        subject_version: fact.subject.version,
        source_event_id: fact.event.id,
        created_at: fact.happenedAt,
      })),
    ),
  );
  await appendToOutbox(
    client,
    notifications.map(({ id, seq, fact, mailbox, live, unreadCount }) => {
      const stored = { ...fact, id, readAt: null, createdAt: new Date(fact.happenedAt) };
      const notification = toNotification(stored, mailbox.writer);
      return newEvent(NotificationCreated, {
        subject: fact.userId,
        time,
        correlationId: fact.event.correlationid,
        causationId: fact.event.id,
        data: { userId: fact.userId, version: seq, notification, live, unreadCount },
      });
    }),
  );
}
