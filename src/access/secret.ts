/**
 * The secrets of users: made by lockd, shown once, kept as hashes. One pass of SHA-256 is enough: slow hashes make up for
 * passwords that can be guessed, and nobody tries 2^128 secrets. It also keeps calls fast that sign in each by itself.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 128 bits: beyond every guessing, and still one line to copy. */
const SECRET_BYTES = 16;

/** A new secret: 32 hexadecimal digits, which stand in a URL, a header and a shell as they are. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('hex');
}

/** What is kept of a secret: its SHA-256, in 64 hexadecimal digits. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('hex');
}

const HASH = /^[0-9a-f]{64}$/;

/** Whether `text` can be what `hashOf` answers. */
export function isHash(text: string): boolean {
  return HASH.test(text);
}

/** Stands in for the hash of a user who is not there: nobody knows a secret for it. */
const NOBODYS_HASH = randomBytes(32).toString('hex');

/** Whether `secret` is the one of `hash`; without a hash never, after the same time. */
export function isSecretOf(secret: string, hash: string | undefined): boolean {
  return timingSafeEqual(Buffer.from(hashOf(secret)), Buffer.from(hash ?? NOBODYS_HASH));
}
