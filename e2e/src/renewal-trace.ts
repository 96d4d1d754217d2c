import type { ProcessName } from '@evergreen/stack/paths.ts';
import { processNames } from '@evergreen/stack/services.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { type ReceivedSpan, startTraceReceiver, type TraceReceiver } from '@evergreen/stack/trace-receiver.ts';
import { awaitStatus, calmGateway, newCustomer, newOperator, newPlan, openSocket, subscribe, topUp } from './people.ts';

export interface TracedStack {
  stack: TestStack;
  receiver: TraceReceiver;
  stop(): Promise<void>;
}

/** A whole system whose processes, but for those named, export their traces to a receiver of ours. */
export async function startTracedStack(untraced: readonly ProcessName[] = []): Promise<TracedStack> {
  const receiver = await startTraceReceiver();
  const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: '100' };
  const traced = processNames.filter((name) => !untraced.includes(name));
  const env = Object.fromEntries(traced.map((name) => [name, settings]));
  const stack = await startTestStack({ env }).catch(async (error) => {
    await receiver.close();
    throw error;
  });
  return {
    stack,
    receiver,
    async stop() {
      await stack.stop();
      await receiver.close();
    },
  };
}

export interface Traces {
  /** A top-up with a card, from the edge to the socket. */
  topUp: ReceivedSpan[];
  /** A purchase, from the edge to the socket. */
  purchase: ReceivedSpan[];
  /** A renewal, from the scheduler to the socket. */
  renewal: ReceivedSpan[];
}

/** A customer tops up, buys a monthly subscription, and has it renewed: the traces of all three. */
export async function traceLifeOfOne({ stack, receiver }: TracedStack): Promise<Traces> {
  const operator = await newOperator(stack);
  await calmGateway(operator);
  const plan = await newPlan(operator);
  const customer = await newCustomer(stack);
  const socket = await openSocket(stack, customer);
  const paid = ['push NotificationCreated'];
  await topUp(customer, 5_000);
  const ofTopUp = await wholeTrace(receiver, isAsked('POST /v1/wallet'), paid);
  const { id } = (await subscribe(customer, plan.id)).body;
  await awaitStatus(customer, id, 'active');
  const purchase = await wholeTrace(receiver, isAsked('POST /v1/subscriptions'), [
    ...paid,
    'process SubscriptionRequested',
    'process ChargeSucceeded',
    'process SubscriptionActivated',
  ]);
  await operator.api.POST('/v1/clock/advance', { body: { by: 'P1M' } });
  const isDue = ({ name, attributes }: ReceivedSpan) =>
    name === 'subscription due' && attributes['evergreen.subscription.id'] === id;
  const renewal = await wholeTrace(receiver, isDue, [
    ...paid,
    'process RenewalDue',
    'process ChargeSucceeded',
    'process SubscriptionRenewed',
  ]);
  socket.close();
  return { topUp: ofTopUp, purchase, renewal };
}

const isAsked =
  (start: string) =>
  ({ name, service }: ReceivedSpan): boolean =>
    service === 'evergreen-edge' && name.startsWith(start);

/** The trace that begins with a span, once all its spans have come that `names` names, and all that others came from. */
function wholeTrace(
  receiver: TraceReceiver,
  isFirst: (span: ReceivedSpan) => boolean,
  names: readonly string[],
): Promise<ReceivedSpan[]> {
  return receiver.await(`a trace with ${names.join(', ')}`, (spans) => {
    const first = spans.find(isFirst);
    const found = spans.filter(({ traceId }) => traceId === first?.traceId);
    const ids = new Set(found.map(({ spanId }) => spanId));
    const isWhole = found.every(({ parentSpanId }) => parentSpanId === undefined || ids.has(parentSpanId));
    return isWhole && names.every((wanted) => found.some(({ name }) => name === wanted)) ? found : undefined;
  });
}
