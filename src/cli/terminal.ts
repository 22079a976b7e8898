/**
 * Where a command writes: one answer on standard output, as text or as one JSON document, and everything else on
 * standard error. Colours appear on terminals only, and never with NO_COLOR.
 */
import { styleText } from 'node:util';

/** A standard stream, as far as commands need it. */
export interface Output {
  /** `done` is called when the text is written, with an error if it could not be. */
  write(text: string, done?: (error?: Error | null) => void): unknown;
  readonly isTTY?: boolean;
}

/** What surrounds a command: the process in earnest, a stand-in within tests. */
export interface World {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
}

/**
 * The outcome of a command: `json` stands for all of it with --json, and if it cannot be written, `aside` for it; else
 * `text` is printed, and `aside` on stderr.
 */
export interface Answer {
  readonly json: unknown;
  readonly text?: string;
  readonly aside?: string;
}

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

export class Terminal {
  constructor(
    readonly world: World,
    /** Whether --json was given. */
    readonly json: boolean,
  ) {}

  /** Prints the outcome, in the form that was asked for. */
  answer({ json, text, aside }: Answer): void {
    if (this.json) {
      this.world.stdout.write(`${JSON.stringify(json)}\n`, (error) => {
        if (error && aside !== undefined) this.aside(aside);
      });
      return;
    }
    if (text !== undefined) this.world.stdout.write(`${text}\n`);
    if (aside !== undefined) this.aside(aside);
  }

  /** One or more lines on standard error. */
  aside(text: string): void {
    this.world.stderr.write(`${text}\n`);
  }

  /** The text in a style where standard output shows colours, else as it is. */
  paint(style: Style, text: string): string {
    return this.#hasColours(this.world.stdout) ? styleText(style, text, { validateStream: false }) : text;
  }

  /** As `paint`, for standard error. */
  paintAside(style: Style, text: string): string {
    return this.#hasColours(this.world.stderr) ? styleText(style, text, { validateStream: false }) : text;
  }

  #hasColours(output: Output): boolean {
    const { NO_COLOR, TERM } = this.world.environment;
    return output.isTTY === true && !NO_COLOR && TERM !== 'dumb';
  }
}
