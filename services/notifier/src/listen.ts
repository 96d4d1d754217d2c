import type { Envelope } from '@evergreen/contracts/envelope.ts';
import { NotificationCreated, NotificationsRead } from '@evergreen/contracts/events/notifier.ts';
import { NOTIFIER_SOCKETS, SOCKET_EVENTS } from '@evergreen/contracts/topology.ts';
import { type EventHandler, on } from '@evergreen/service-kit/batch.ts';
import type { Broker } from '@evergreen/service-kit/broker.ts';
import { notePush } from '@evergreen/service-kit/tracing.ts';
import { changeBy } from './decisions/changes.ts';
import { emitRead, type Pusher } from './push.ts';

/** After which the other services have acted on what all of us heard, but for a broker or a database in trouble. */
const A_MOMENT_MS = 1_000;

/**
 * Hears, on a queue of this replica's own, what its sockets are to be told. NotificationCreated and NotificationsRead
 * are published mandatory, so this has to be in place before the outbox relay starts.
 */
export async function listen(broker: Broker, pusher: Pusher): Promise<void> {
  const ownHandlers = ofNotifications(pusher);
  const hint = hintWith(pusher);
  await broker.subscribeTransient({
    name: NOTIFIER_SOCKETS.name,
    handlers: SOCKET_EVENTS.map((definition) => ownHandlers.get(definition.type) ?? on(definition, hint)),
    onReconnect: () => pusher.catchUpAll(),
  });
}

const ofNotifications = (pusher: Pusher): Map<string, EventHandler> =>
  new Map([
    [
      NotificationCreated.type,
      on(NotificationCreated, async (events) => {
        for (const { data, traceparent } of events) {
          const startTime = Date.now();
          const told = pusher.tell(data.userId, data.version, (socket) => {
            if (data.live) socket.emit('notification', data.notification);
            socket.emit('unread-count', { unreadCount: data.unreadCount });
          });
          if (told > 0) notePush('push NotificationCreated', startTime, traceparent);
        }
      }),
    ],
    [
      NotificationsRead.type,
      on(NotificationsRead, async (events) => {
        for (const { data } of events) {
          pusher.tell(data.userId, data.version, (socket) => {
            emitRead(socket, data);
            socket.emit('unread-count', { unreadCount: data.unreadCount });
          });
        }
      }),
    ],
  ]);

const hintWith = (pusher: Pusher) => async (events: Envelope[]) => {
  for (const event of events) {
    const change = changeBy(event);
    if (!change) continue;
    const { userId, changed, inAMoment } = change;
    pusher.hint(userId, changed);
    if (inAMoment) setTimeout(() => pusher.hint(userId, changed), A_MOMENT_MS).unref();
  }
};
