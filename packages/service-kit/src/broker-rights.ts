import { bindingKeys, EVENT_EXCHANGE, NOTIFIER_FLOW, QUEUES, TRANSIENT_QUEUES } from '@evergreen/contracts/topology.ts';
import { deadQueue, ownerOf, setAsideExchange, setAsideExchanges } from './topology.ts';

/** Regular expressions over names, as RabbitMQ takes them. */
export interface BrokerRights {
  /** Queues and exchanges that may be declared and deleted. */
  configure: string;
  /** Exchanges that may be published to, and queues that may be bound. */
  write: string;
  /** Queues that may be consumed and purged, and exchanges that may be bound to. */
  read: string;
  /** Routing keys on the events' exchange: those that may be published with, and those that may be bound with. */
  topics: { write: string; read: string };
}

const NOTHING = '^$';
const UUID = '[0-9a-f-]{36}';

/**
 * What the broker lets one service do: publish its own events and no others, consume its own queues and their dead letters, set
 * their messages aside, and declare nothing but the transient queues of its replicas. Asking for the depth of a queue takes no right.
 *
 * Publishing to the default exchange is not among it, as that reaches every queue.
 */
export function brokerRights(service: string): BrokerRights {
  const queues = QUEUES.filter(({ name }) => ownerOf(name) === service).map(({ name }) => name);
  const transient = TRANSIENT_QUEUES.filter(({ name }) => ownerOf(name) === service);
  const ofReplicas = transient.map(({ name }) => `${literally(name)}\\.${UUID}`);
  const setAside = new Set(queues.map(setAsideExchange));
  const heard = bindingKeys(transient.flatMap(({ events }) => events));
  const listensTo = [
    ...(heard.length > 0 ? [EVENT_EXCHANGE] : []),
    ...(transient.includes(NOTIFIER_FLOW) ? setAsideExchanges() : []),
  ];
  return {
    configure: oneOf(ofReplicas),
    write: oneOf([...[EVENT_EXCHANGE, ...setAside].map(literally), ...ofReplicas]),
    read: oneOf([
      ...queues.flatMap((name) => [name, deadQueue(name)]).map(literally),
      ...ofReplicas,
      ...listensTo.map(literally),
    ]),
    topics: { write: `^evergreen\\.${literally(service)}\\.[A-Za-z]+\\.v[0-9]+$`, read: oneOf(heard.map(literally)) },
  };
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

const oneOf = (patterns: string[]): string => (patterns.length > 0 ? `^(${patterns.join('|')})$` : NOTHING);
