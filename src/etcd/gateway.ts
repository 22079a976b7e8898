/**
 * etcd by its JSON gateway, which is plain HTTP, and its transactions by gRPC, which spares etcd most of their cost: no package
 * is needed, and each request is sent once or not at all, when we say so. Of several endpoints the one that answered last is
 * asked; where one cannot be connected to, the next.
 */
import { Connections, ExchangeError, type GatewayTls, type Patience } from './exchange.js';
import { GrpcLines } from './grpc.js';
import {
  type Kv,
  KvError,
  type Range,
  type RangeAnswer,
  type Transaction,
  type TransactionAnswer,
} from './kv.js';
import {
  BadAnswer,
  clusterOf,
  type Message,
  parseMessage,
  rangeMessage,
  readGrant,
  readKeepAlive,
  readRange,
  readToken,
} from './messages.js';
import { errorOf, isTokenProblem } from './refusals.js';
import {
  type AnsweredTransaction,
  decodeTransaction,
  encodeTransaction,
  TRANSACT,
} from './transaction-messages.js';

export interface GatewayOptions {
  /** Those of one cluster of etcd: `http://a:2379/`. At least one. */
  readonly endpoints: readonly URL[];
  readonly tls?: GatewayTls;
  /** Who we are, where etcd asks. */
  readonly credentials?: { readonly user: string; readonly password: string };
  /** What we may read, whether there is such a key or not; absent: whatever there is. */
  readonly readableKey?: string;
}

/** Where the password is sent to. */
const AUTHENTICATE = '/v3/auth/authenticate';

/** Asks one endpoint once. Rejects with `ExchangeError`, `BadAnswer`, or `KvError`. */
type Ask<T> = (endpoint: URL, patience: Patience, token: string | undefined) => Promise<T>;

/** The client of an etcd. Connects when it is asked something. */
export function openGateway(options: GatewayOptions): Kv {
  return new Gateway(options);
}

class Gateway implements Kv {
  readonly #connections: Connections;
  readonly #lines: GrpcLines;
  readonly #readableKey: string;
  /** Index of the endpoint that is asked. */
  #current = 0;
  /** The cluster that answered first. */
  #cluster: string | undefined;
  #token: Promise<string> | undefined;

  constructor(private readonly options: GatewayOptions) {
    this.#connections = new Connections(options.tls);
    this.#lines = new GrpcLines(options.tls);
    this.#readableKey = options.readableKey ?? '\0';
  }

  async transact(transaction: Transaction, timeoutMs: number): Promise<TransactionAnswer> {
    return (await this.#transact(transaction, timeoutMs)).answer;
  }

  range(range: Range, timeoutMs: number): Promise<RangeAnswer> {
    return this.#ask(this.#post('/v3/kv/range', rangeMessage(range), readRange), timeoutMs);
  }

  grantLease(ttl: number, timeoutMs: number): Promise<{ readonly id: string; readonly ttl: number }> {
    return this.#ask(this.#post('/v3/lease/grant', { TTL: String(ttl) }, readGrant), timeoutMs);
  }

  /**
   * A member of etcd that was stopped, or cut off, takes itself for its leader until it hears of the new one, and renews a
   * lease that goes on to its end elsewhere. So a renewal counts only where a read after it is of the same term of etcd's.
   */
  async keepAlive(id: string, timeoutMs: number): Promise<number> {
    const end = performance.now() + timeoutMs;
    const renewal = this.#post('/v3/lease/keepalive', { ID: id }, readKeepAlive);
    const { seconds, raftTerm } = await this.#ask(renewal, timeoutMs);
    const read = { compare: [], success: [{ kind: 'get', key: this.#readableKey }] } as const;
    const now = await this.#transact(read, Math.max(1, end - performance.now()));
    if (now.raftTerm === raftTerm) return seconds;
    throw new KvError('etcd has another leader than the one that renewed a lease', 'unknown');
  }

  async revoke(id: string, timeoutMs: number): Promise<void> {
    try {
      await this.#ask(
        this.#post('/v3/lease/revoke', { ID: id }, () => undefined),
        timeoutMs,
      );
    } catch (error) {
      if (!(error instanceof KvError) || !error.message.includes('lease not found')) throw error;
    }
  }

  close(): void {
    this.#connections.close();
    this.#lines.close();
  }

  #transact(transaction: Transaction, timeoutMs: number): Promise<AnsweredTransaction> {
    const framed = encodeTransaction(transaction);
    return this.#ask(async (endpoint, patience, token) => {
      const headers = token === undefined ? {} : { token };
      const { message, problem } = await this.#lines.call(endpoint, TRANSACT, framed, headers, patience);
      if (problem !== undefined) throw errorOf(endpoint.origin, problem);
      const answered = decodeTransaction(transaction, message);
      this.#checkCluster(answered.cluster);
      return answered;
    }, timeoutMs);
  }

  /** Asks one endpoint after the other, as long as nothing has left for any; never a second one otherwise. */
  async #ask<T>(ask: Ask<T>, timeoutMs: number): Promise<T> {
    const { endpoints } = this.options;
    const end = performance.now() + timeoutMs;
    for (let untried = endpoints.length; ; untried -= 1) {
      const asked = this.#current;
      const endpoint = endpoints[asked] as URL;
      try {
        return await this.#askWithToken(endpoint, ask, { end, untried });
      } catch (error) {
        if (!(error instanceof KvError)) throw error;
        // What etcd refuses it would refuse everywhere.
        if (error.reason !== undefined) throw error;
        if (this.#current === asked) this.#current = (asked + 1) % endpoints.length;
        if (error.fate !== 'never' || untried <= 1 || performance.now() >= end) throw error;
      }
    }
  }

  async #askWithToken<T>(endpoint: URL, ask: Ask<T>, patience: EndpointPatience): Promise<T> {
    const token = await this.#authenticated(endpoint, patience);
    try {
      return await this.#askOnce(endpoint, ask, patience, token);
    } catch (error) {
      if (token === undefined || !(error instanceof KvError) || !isTokenProblem(error)) throw error;
    }
    // A token lives for minutes, and ends with the etcd that gave it.
    const renewed = await this.#authenticated(endpoint, patience, token);
    return this.#askOnce(endpoint, ask, patience, renewed);
  }

  /** The token by which etcd knows us; another than `spent`. Undefined where we have no name. */
  async #authenticated(
    endpoint: URL,
    patience: EndpointPatience,
    spent?: string,
  ): Promise<string | undefined> {
    const { credentials } = this.options;
    if (!credentials) return undefined;
    for (;;) {
      this.#token ??= this.#authenticate(endpoint, patience, credentials);
      const asked = this.#token;
      try {
        const token = await asked;
        if (token !== spent) return token;
      } catch (error) {
        if (this.#token === asked) this.#token = undefined;
        // Whatever became of it: nothing was tried of what the token was for.
        if (error instanceof KvError) throw new KvError(error.message, 'never', error.reason);
        throw error;
      }
      if (this.#token === asked) this.#token = undefined;
    }
  }

  #authenticate(
    endpoint: URL,
    patience: EndpointPatience,
    { user, password }: { readonly user: string; readonly password: string },
  ): Promise<string> {
    const message = { name: user, password };
    return this.#askOnce(endpoint, this.#post(AUTHENTICATE, message, readToken), patience);
  }

  async #askOnce<T>(
    endpoint: URL,
    ask: Ask<T>,
    { end, untried }: EndpointPatience,
    token?: string,
  ): Promise<T> {
    const answerMs = Math.max(0, end - performance.now());
    try {
      // An endpoint that does not connect leaves the others their share.
      return await ask(endpoint, { connectMs: answerMs / untried, answerMs }, token);
    } catch (error) {
      throw asKvError(error, endpoint.origin);
    }
  }

  /** Asks the JSON gateway. `read` reads what it answers. */
  #post<T>(path: string, message: object, read: (answer: Message) => T): Ask<T> {
    return async (endpoint, patience, token) => {
      const headers = token === undefined ? {} : { authorization: token };
      const url = new URL(path, endpoint);
      const { status, text } = await this.#connections.post(url, JSON.stringify(message), headers, patience);
      // What answers may be something else that shows what it was asked.
      const answer = parseMessage(text, path !== AUTHENTICATE);
      const problem = problemOf(answer);
      if (problem !== undefined) throw errorOf(endpoint.origin, problem);
      if (status !== 200) throw new BadAnswer(`HTTP status ${status}`);
      this.#checkCluster(clusterOf(answer));
      return read(answer);
    };
  }

  /** Two clusters that were taken for one would each have a leader of its own. */
  #checkCluster(cluster: string | undefined): void {
    this.#cluster ??= cluster;
    if (cluster === undefined || cluster === this.#cluster) return;
    throw new BadAnswer(
      `it is of another cluster of etcd (${cluster}) than the other endpoints (${this.#cluster}); mend --store`,
    );
  }
}

/** How long an endpoint may take. */
interface EndpointPatience {
  /** The moment, monotonic milliseconds, at which the answer must be there. */
  readonly end: number;
  /** How many endpoints are to be asked in that time, this one included. */
  readonly untried: number;
}

/** An error of etcd's, in its own words; undefined for an answer. */
function problemOf({ error, message, code }: Message): string | undefined {
  const inside = typeof error === 'object' && error !== null ? (error as Message).message : undefined;
  for (const text of [message, inside, error]) if (typeof text === 'string') return text;
  return error === undefined && code === undefined ? undefined : 'an error without words';
}

function asKvError(error: unknown, name: string): KvError {
  if (error instanceof KvError) return error;
  if (error instanceof BadAnswer) return new KvError(`${name}: ${error.message}`, 'unknown');
  if (!(error instanceof ExchangeError)) throw error;
  const text = `${name}: ${error.message}`;
  if (error.what === 'never') return new KvError(text, 'never');
  return error.what === 'tooLong' ? new KvError(text, 'unknown', 'tooLong') : new KvError(text, 'unknown');
}
