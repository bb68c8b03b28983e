package console

// The page in dist is made from web/page and web/client, after "npm ci" in web.

//go:generate go tool -modfile=tools.mod esbuild ../../web/page/src/main.tsx --bundle --minify --format=esm --target=es2022 --jsx=automatic --jsx-import-source=preact --log-level=warning --outfile=dist/console.js
//go:generate cp ../../web/page/index.html ../../web/page/favicon.svg dist/
