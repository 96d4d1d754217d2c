import { EVENTS } from '@evergreen/contracts/catalogue.ts';
import type { EventDefinition } from '@evergreen/contracts/envelope.ts';
import { SOCKET_MESSAGES, SOCKET_REQUESTS, SocketAuth } from '@evergreen/contracts/socket.ts';
import { EVENT_EXCHANGE, QUEUES, SOCKET_EVENTS } from '@evergreen/contracts/topology.ts';
import { exampleOf, type JsonSchema } from '@evergreen/edge/src/example.ts';
import { nameSchemas } from '@evergreen/edge/src/name-schemas.ts';

const DESCRIPTION = `What the services of Evergreen tell each other over RabbitMQ, and what the browser is told over socket.io.

Events are past-tense facts in a CloudEvents 1.0 envelope. Delivery is at least once and in any order: consumers know an event by
its \`id\`, and the state of a thing by the \`version\` in \`data\`. What a consumer cannot read goes to \`<queue>.dead\`.`;

type Named = Record<string, object>;

/** AsyncAPI 3.0 of all events and of the socket, from the catalogue and the topology that the services run on. */
export function asyncApiDocument() {
  const events = [...EVENTS.values()];
  const { document, schemas } = nameSchemas({
    asyncapi: '3.0.0',
    info: { title: 'Evergreen', version: '1', description: DESCRIPTION, license: { name: 'MIT' } },
    defaultContentType: 'application/json',
    servers: {
      broker: { host: 'localhost:5672', protocol: 'amqp', protocolVersion: '0-9-1', description: 'RabbitMQ' },
      edge: { host: 'localhost:8080', protocol: 'socket.io', description: 'The one origin for browsers' },
    },
    channels: { ...Object.fromEntries(events.map(eventChannel)), socket: SOCKET_CHANNEL },
    operations: { ...sending(events), ...receiving(), ...SOCKET_OPERATIONS },
    components: { messages: { ...Object.fromEntries(events.map(eventMessage)), ...socketMessages() } },
  });
  const { components, ...rest } = document;
  const messages = components.messages as Record<string, { payload: JsonSchema }>;
  const withExamples = Object.entries(messages).map(([name, message]) => {
    const payload = exampleOf(message.payload, schemas) as Record<string, unknown> | null;
    const event = EVENTS.get(String(payload?.type));
    // The one part of an envelope whose schema leaves it open.
    const example = event ? { ...payload, source: `/evergreen/${event.source}` } : payload;
    return [name, { ...message, examples: [{ payload: example }] }];
  });
  return { ...rest, components: { messages: Object.fromEntries(withExamples), schemas } };
}

/** ChargeSucceeded of evergreen.wallet.ChargeSucceeded.v1; a later version keeps its number. */
const nameOf = ({ type }: EventDefinition): string =>
  type
    .replace(/^evergreen\.[a-z]+\./, '')
    .replace(/\.v(\d+)$/, (_match, version) => (version === '1' ? '' : `V${version}`));

const messageRef = (channel: string, message = channel) => ({ $ref: `#/channels/${channel}/messages/${message}` });

function eventChannel(event: EventDefinition): [string, object] {
  const name = nameOf(event);
  const exchange = { name: EVENT_EXCHANGE, type: 'topic', durable: true, autoDelete: false };
  return [
    name,
    {
      address: event.type,
      title: name,
      description: `${event.meaning}.`,
      servers: [{ $ref: '#/servers/broker' }],
      messages: { [name]: { $ref: `#/components/messages/${name}` } },
      bindings: { amqp: { is: 'routingKey', exchange, bindingVersion: '0.3.0' } },
    },
  ];
}

function eventMessage(event: EventDefinition): [string, object] {
  const { $id, ...payload } = event.schema as JsonSchema & { $id?: string };
  return [
    nameOf(event),
    {
      name: event.type,
      title: nameOf(event),
      summary: event.meaning,
      contentType: 'application/cloudevents+json',
      payload,
    },
  ];
}

/** Each event is said by the one service that owns its type. */
const sending = (events: readonly EventDefinition[]): Named =>
  Object.fromEntries(
    events.map((event) => {
      const name = nameOf(event);
      return [`${event.source}.sends.${name}`, operation('send', event.source, name, `${event.meaning}.`)];
    }),
  );

/** Consumers by their queues: the durable ones, and that of each notifier replica. */
function receiving(): Named {
  const consumers = [
    ...QUEUES.map(({ name, events }) => ({ name, events, how: 'through the durable quorum queue' })),
    {
      name: 'notifier.sockets',
      events: SOCKET_EVENTS,
      how: 'in every replica, to push it to sockets, through the transient queue',
    },
  ];
  return Object.fromEntries(
    consumers.flatMap(({ name: queue, events, how }) =>
      events.map((event) => {
        const [service = ''] = queue.split('.');
        const name = nameOf(event);
        return [
          `${queue}.receives.${name}`,
          operation('receive', service, name, `${service} hears it ${how} \`${queue}\`.`),
        ];
      }),
    ),
  );
}

const operation = (action: 'send' | 'receive', service: string, channel: string, description: string) => ({
  action,
  channel: { $ref: `#/channels/${channel}` },
  messages: [messageRef(channel)],
  tags: [{ name: service }],
  description,
});

const socketMessageName = (name: string): string => `socket:${name}`.replaceAll(':', '.');

const SOCKET_CHANNEL = {
  address: '/socket.io',
  title: 'The socket of one user',
  description:
    'The user is whom the access token names. Browsers of other origins are refused. Whoever comes back gets what it missed.',
  servers: [{ $ref: '#/servers/edge' }],
  messages: Object.fromEntries(
    ['auth', ...Object.keys(SOCKET_MESSAGES), ...Object.keys(SOCKET_REQUESTS)].map((name) => [
      socketMessageName(name),
      { $ref: `#/components/messages/${socketMessageName(name)}` },
    ]),
  ),
};

const SOCKET_OPERATIONS = {
  'socket.emits': {
    action: 'send',
    channel: { $ref: '#/channels/socket' },
    messages: Object.keys(SOCKET_MESSAGES).map((name) => messageRef('socket', socketMessageName(name))),
    tags: [{ name: 'notifier' }],
    description: 'What the server emits. Clients talk over HTTP, but for what `socket.hears` lists.',
  },
  'socket.hears': {
    action: 'receive',
    channel: { $ref: '#/channels/socket' },
    messages: Object.keys(SOCKET_REQUESTS).map((name) => messageRef('socket', socketMessageName(name))),
    tags: [{ name: 'notifier' }],
    description: 'What a client emits, with no payload. The payload here is that of the answer, if it asks for one.',
  },
  'socket.admits': {
    action: 'receive',
    channel: { $ref: '#/channels/socket' },
    messages: [messageRef('socket', socketMessageName('auth'))],
    tags: [{ name: 'notifier' }],
    description: 'The handshake. A refusal comes as `connect_error`, with the problem in `data`.',
  },
};

function socketMessages(): Named {
  const messages = Object.entries({ ...SOCKET_MESSAGES, ...SOCKET_REQUESTS }).map(([name, { meaning, payload }]) => [
    socketMessageName(name),
    { name, title: name, summary: meaning, payload },
  ]);
  const auth = {
    name: 'auth',
    title: 'auth',
    summary: 'What the client says of itself when it connects',
    payload: SocketAuth,
  };
  return { ...Object.fromEntries(messages), [socketMessageName('auth')]: auth };
}
