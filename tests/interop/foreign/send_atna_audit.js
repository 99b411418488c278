// Sends one login event with the npm package atna-audit: node send_atna_audit.js MODULES INTERFACE PORT USER [KEY CERT CA]
'use strict'

const fs = require('fs')
const path = require('path')

const [modules, kind, port, user, key, cert, ca] = process.argv.slice(2)
const atna = require(path.join(modules, 'atna-audit'))
// the outcome as the package's own manual names it, which leaves it empty on the wire
const audit = atna.construct.userLoginAudit(atna.OUTCOME_SUCCESS, 'openhim', '10.0.0.7', user, 'testRole', '123')
const options = kind === 'tls' ? { key: fs.readFileSync(key), cert: fs.readFileSync(cert), ca: fs.readFileSync(ca) } : {}
const connection = { interface: kind, host: 'localhost', port: Number(port), options }

atna.send.sendAuditEvent(atna.construct.wrapInSyslog(audit), connection, problem => {
  if (problem) {
    console.error(problem)
    process.exitCode = 1
  }
})
