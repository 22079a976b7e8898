/** A server that answers as it is told, for what a daemon never does. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** A server that answers the nth request as `answer` says; a text is the value of a methodResponse. */
export async function fakeDaemon(answer: (call: string, at: number) => Partial<FakeAnswer> | undefined) {
  const calls: string[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer(async (request, response) => {
    const call = await bodyOf(request);
    calls.push(call);
    headers.push(request.headers);
    const {
      status = 200,
      headers: more = {},
      body = '',
      cutAt,
      delay = 0,
    } = answer(call, calls.length) ?? {};
    await pause(delay);
    response.writeHead(status, {
      'Content-Type': 'text/xml',
      'Content-Length': Buffer.byteLength(body),
      ...more,
    });
    if (cutAt === undefined) return void response.end(body);
    response.write(Buffer.from(body).subarray(0, cutAt), () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { calls, headers, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

export interface FakeAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** Milliseconds before it is answered. */
  readonly delay: number;
  /** Bytes of the body after which the connection is reset. */
  readonly cutAt: number;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}

/** An answer with this value, which is XML already. */
export const response = (value: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse><params><param><value>${value}</value></param></params></methodResponse>\n`;

export const member = (name: string, value: string) =>
  `<member><name>${name}</name><value>${value}</value></member>`;

const holdStruct = (token: string, more: string, client: string) =>
  `<struct>${member('resource', '<string>r</string>')}${member('client', `<string>${client}</string>`)}${member('token', `<string>${token}</string>`)}${member('waited', '<double>0.0</double>')}${more}</struct>`;

/** The hold of `client` on `r`; `more` stands for further members. */
export const hold = (token: string, more = '', client = 'A') => response(holdStruct(token, more, client));

/** What `enqueue` answers where the lock is free. */
export const grant = (token: string, more = '', client = 'A') =>
  response(
    `<struct>${member('state', '<string>granted</string>')}${member('hold', holdStruct(token, more, client))}</struct>`,
  );

export const fault = (code: number, text: string) =>
  `<?xml version="1.0"?><methodResponse><fault><value><struct>${member('faultCode', `<int>${code}</int>`)}${member('faultString', `<string>${text}</string>`)}</struct></value></fault></methodResponse>`;
