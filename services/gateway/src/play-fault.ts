import { sendProblem } from '@evergreen/service-kit/http.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Fault } from './decisions/faults.ts';
import type { Holds } from './holds.ts';

/** Ends a request the way a fault says. What was captured before stays captured. */
export async function playFault(
  fault: Fault,
  request: FastifyRequest,
  reply: FastifyReply,
  holds: Holds,
): Promise<FastifyReply> {
  const { socket } = request.raw;
  switch (fault) {
    case 'error500':
      sendProblem(request, reply, 'internal_error');
      return reply;
    case 'unavailable503':
      return answerUnavailable(request, reply);
    case 'timeoutBeforeCapture':
    case 'timeoutAfterCapture':
      reply.hijack();
      await holds.hang(socket);
      return reply;
    case 'resetBeforeCapture':
    case 'resetAfterCapture':
      reply.hijack();
      socket.resetAndDestroy();
      return reply;
    default:
      return fault satisfies never;
  }
}

/** 503 with Retry-After. A fault that was asked for is no error of ours, so it is not logged as one. */
export function answerUnavailable(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.header('retry-after', 1);
  sendProblem(request, reply, 'service_unavailable');
  return reply;
}
