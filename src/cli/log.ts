/**
 * The log, on standard error: JSON for programs, aligned lines for people on a terminal; either way one record is one
 * line. A record is with the kernel when the call returns, so that none is lost however the process ends; a pipe whose
 * reader is stuck is not waited for: its records are kept until it takes some, up to a limit, and then dropped.
 */
import pino from 'pino';
import type { LogLevel } from './log-level.js';
import { printable } from './printable.js';

/** Writes one record. `details` are named values beside the message. */
export type Log = (level: Exclude<LogLevel, 'silent'>, message: string, details?: object) => void;

const STDERR = 2;

/** Bytes that are kept for a reader that is stuck. */
const MAX_UNWRITTEN_BYTES = 1_048_576;

/** Opens the log; `isTerminal` makes it readable for people. */
export function openLog(level: LogLevel, isTerminal: boolean): Log {
  const destination = pino.destination({
    dest: STDERR,
    sync: true,
    maxLength: MAX_UNWRITTEN_BYTES,
    // The answer to "the pipe is full; wait until it is not?"
    retryEAGAIN: () => false,
  });
  // A log that nobody reads is no reason to stop.
  destination.on('error', () => undefined);
  return createLog(level, isTerminal ? readable(destination) : destination);
}

/** A log that is written to `destination`, JSON line by JSON line. */
export function createLog(level: LogLevel, destination: pino.DestinationStream): Log {
  const options: pino.LoggerOptions = {
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  const logger = pino(options, destination);
  return (recordLevel, message, details = {}) => logger[recordLevel](details, message);
}

function readable(destination: pino.DestinationStream): pino.DestinationStream {
  return { write: (line) => destination.write(`${readableLine(line)}\n`) };
}

/** `2026-11-21T08:15:00Z warn  text  name=value`: a JSON record for people. */
export function readableLine(json: string): string {
  const {
    time,
    level,
    msg,
    pid: _pid,
    hostname: _hostname,
    ...details
  } = JSON.parse(json) as Record<string, unknown>;
  const named = Object.entries(details).map(([name, value]) => `  ${name}=${JSON.stringify(value)}`);
  const seconds = `${String(time).slice(0, 19)}Z`;
  return printable(`${seconds} ${String(level).padEnd(5)} ${String(msg)}${named.join('')}`);
}
