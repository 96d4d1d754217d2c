import type { Notification, NotificationType } from '@evergreen/contracts/http/notifications.ts';
import { type Writer, write } from './texts.ts';

/** A notification as it is stored: facts, no sentences. */
export interface StoredNotification {
  id: string;
  type: string;
  kind: string;
  data: unknown;
  readAt: Date | null;
  createdAt: Date;
}

/** A notification as its owner sees it, in the owner's language, currency format and time zone. */
export function toNotification(stored: StoredNotification, writer: Writer): Notification {
  const createdAt = stored.createdAt.toISOString();
  return {
    id: stored.id,
    type: stored.type as NotificationType,
    ...write(stored, createdAt, writer),
    data: { kind: stored.kind, ...(stored.data as object) },
    readAt: stored.readAt?.toISOString() ?? null,
    createdAt,
  };
}
