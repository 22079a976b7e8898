#!/usr/bin/env ruby
# ruby lock.rb COMMAND...: runs a command while it has deploy/prod, for at most the ttl: nothing renews it here.
# Needs the gem xmlrpc (Debian: ruby-xmlrpc).
require 'securerandom'
require 'socket'
require 'xmlrpc/client'

lockd = XMLRPC::Client.new2(ENV['LOCKD_URL'] || 'http://127.0.0.1:7420')
client = "ruby@#{Socket.gethostname}:#{Process.pid}"

begin
  # With a retry key the same call may be sent again after a lost answer.
  options = { 'ttl' => 600, 'wait' => 10, 'request' => SecureRandom.uuid }
  hold = lockd.call('lock', 'deploy/prod', client, options)
rescue XMLRPC::FaultException => e
  abort e.faultString
end

begin
  done = system({ 'LOCKD_TOKEN' => hold['token'] }, *ARGV)
ensure
  lockd.call('unlock', 'deploy/prod', client, { 'token' => hold['token'] })
end
exit(done ? 0 : $?.exitstatus || 1)
