# ruby call.rb URL METHOD ARGUMENT…: makes one call and prints what came back as JSON.
require 'json'
require 'xmlrpc/client'

url, method, *arguments = ARGV
client = XMLRPC::Client.new2(url)
begin
  value = client.call(method, *arguments)
  # Its times are no JSON.
  value.delete_if { |_, member| member.is_a?(XMLRPC::DateTime) } if value.is_a?(Hash)
  puts JSON.generate({ value: value })
rescue XMLRPC::FaultException => e
  puts JSON.generate({ fault: [e.faultCode, e.faultString] })
end
