/** The same as in the library. */
export { EventStreamParser, type StreamedEvent } from '../client/event-stream-parser.js';
