/** Calls from the XML-RPC libraries of other languages. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Said } from './dialogue.js';

const SCRIPTS = { python3: 'call.py', ruby: 'call.rb', perl: 'call.pl', php: 'call.php' } as const;

/** Makes one call with the library of a language. */
export function callFrom(language: keyof typeof SCRIPTS, url: string, call: readonly string[]): Said {
  const script = fileURLToPath(new URL(`./clients/${SCRIPTS[language]}`, import.meta.url));
  const { stdout, stderr } = spawnSync(language, [script, url, ...call], { encoding: 'utf8' });
  if (stdout === '') throw new Error(`${language}: ${stderr}`);
  return JSON.parse(stdout);
}
