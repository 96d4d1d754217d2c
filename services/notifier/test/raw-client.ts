import { until } from './rig.ts';

/** A client that speaks the protocol itself and so can do what no proper one does. It answers pings, and stays. */
export async function openRawClient(url: string) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  const packets: string[] = [];
  let closedAt: number | undefined;
  socket.addEventListener('message', ({ data }) => {
    packets.push(String(data));
    if (data === '2') socket.send('3');
  });
  socket.addEventListener('close', () => {
    closedAt = performance.now();
  });
  await until('the transport to be open', () => packets.some((packet) => packet.startsWith('0')));
  return {
    openedAt: performance.now(),
    closedAt: () => closedAt,
    packets,
    send: (packet: string) => socket.send(packet),
    async join(token: string): Promise<void> {
      socket.send(`40${JSON.stringify({ token })}`);
      await until('the raw client to be told the count', () => packets.some((p) => p.includes('unread-count')));
    },
    close: () => socket.close(),
  };
}
