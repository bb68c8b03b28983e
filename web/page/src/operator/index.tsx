import './operator.css';
import { useRoute } from '../hooks.ts';
import { useStore } from '../store.ts';
import { Accounts } from './accounts.tsx';
import { Audit } from './audit.tsx';
import { Rewrite } from './rewrite.tsx';
import { Market } from './market.tsx';
import { Overview } from './overview.tsx';
import { Sessions } from './sessions.tsx';

const parts = [
  { name: 'overview', title: 'Overview', show: Overview },
  { name: 'sessions', title: 'Sessions', show: Sessions },
  { name: 'accounts', title: 'Accounts', show: Accounts },
  { name: 'bust', title: 'Bust and correct', show: Rewrite, operator: true },
  { name: 'market', title: 'Market', show: Market },
  { name: 'audit', title: 'Audit', show: Audit },
];

/** The screens of operators and viewers. at is what follows the name of a screen in the address. */
export function Operator() {
  const { session } = useStore();
  const { rest } = useRoute();
  const [name = '', at = ''] = rest.split('/');
  const shown = parts.filter((part) => !part.operator || session?.operator);
  const part = shown.find((one) => one.name === name) ?? shown[0]!;
  const Screen = part.show;
  return (
    <div class="operator">
      <h1 class="hidden">Operator: {part.title}</h1>
      <nav class="switch" aria-label="Screens of the operator">
        {shown.map((one) => (
          <a key={one.name} href={`#operator/${one.name}`} aria-current={one === part ? 'page' : undefined}>
            {one.title}
          </a>
        ))}
      </nav>
      <Screen at={at} />
    </div>
  );
}
