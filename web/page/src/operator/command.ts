// The commands of operators, and what each refusal means for the page.
import type { OperateReply, OperateRequest } from '../../../client/src/messages.ts';
import type { Input } from '../../../client/src/index.ts';
import { explain } from '../explain.ts';
import { store } from '../store.ts';
import { readRole } from './figures.ts';

export async function operate(command: Input<OperateRequest>): Promise<OperateReply> {
  return guarded(store.request('Operate', command));
}

/** A request that needs a role: if it is missing, the page finds out which one is left. */
export async function guarded<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    if ((error as { result?: string }).result === 'FORBIDDEN') void readRole();
    throw error;
  }
}

/** Why a command failed, in words. */
export function refusal(error: unknown): string {
  if ((error as { result?: string }).result === 'FORBIDDEN') return `Nothing was done: your login may not do this any more. ${explain(error)}`;
  return explain(error);
}
