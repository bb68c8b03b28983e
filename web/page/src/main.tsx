import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { App } from './app.tsx';
import { store } from './store.ts';

store.start();
render(<App />, document.getElementById('page')!);
