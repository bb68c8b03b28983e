import { ConnectionLost, RequestTimeout } from '../../client/src/index.ts';
import { reasons, results } from './words.ts';

/** Why a request failed, in a sentence, with what the server says about it. */
export function explain(error: unknown): string {
  if (error instanceof ConnectionLost) {
    return error.message === 'not connected' ? 'There is no connection: nothing was sent.' : 'The connection broke before the answer: it may have been done.';
  }
  if (error instanceof RequestTimeout) return 'There was no answer in time: it may have been done.';
  const { result, reason, message } = error as { result?: string; reason?: string; message?: string };
  const meaning = (reason && reasons[reason]) || (result && results[result]) || '';
  const said = sentence(message ?? '');
  return [meaning, said].filter(Boolean).join(' ') || String(error);
}

/** A message of the server as a sentence: with a capital and a full stop. */
export function sentence(message: string): string {
  const text = message.trim();
  if (text === '') return '';
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? '' : '.');
}
